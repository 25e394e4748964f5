"""The folder of an export: claimed before anything is written, listed with its sums when all is there.

======================= =======================================================================
``export.json``          whose export it is and of which log; from here on nobody else's may go there
everything else          each file appears whole or not at all, with mode 0600
``SHA256SUMS``           last: the sum of every file, so that a folder without it is not finished
======================= =======================================================================

The same export may go on in the same folder: what is there whole need not be made again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from ledger.canonical import canonical
from ledger.client import files
from ledger.errors import Conflict

FORMAT = "consent-ledger/export/1"
CLAIM, SUMS = "export.json", "SHA256SUMS"
_PIECE = 1 << 20


@dataclass(slots=True)
class ExportFolder:
    """A folder that this export has claimed, and the names of what it wrote there."""

    path: Path
    _written: set[str] = field(default_factory=set)

    @classmethod
    def claimed(cls, path: Path, claim: dict[str, str]) -> "ExportFolder":
        """A new or empty folder, or one in which the export of the same `claim` was begun.

        Raises:
            Conflict: there is something else in it (``folder_taken``).
            InvalidInput: there is a file of that name.
            StoreUnavailable: it cannot be written.
        """
        said = canonical({"format": FORMAT, **claim}) + b"\n"
        files.make_private(path)
        if any(path.iterdir()) and not _is_claimed_by(path / CLAIM, said):
            raise Conflict(
                f"the folder {path} has something else in it; nothing was written",
                reason="folder_taken",
                fix="Name a new folder.",
            )
        path.chmod(0o700)
        (path / SUMS).unlink(missing_ok=True)
        folder = cls(path)
        folder.write(CLAIM, said)
        return folder

    def place(self, name: str) -> Path:
        """Where a file of this name belongs; its folder is made, and it is taken up in the sums."""
        files.make_private((self.path / name).parent)
        self._written.add(name)
        return self.path / name

    def write(self, name: str, data: bytes) -> None:
        """Put a file there, whole or not at all."""
        files.replace(self.place(name), data)

    def write_json(self, name: str, value: dict[str, Any]) -> None:
        """Put a JSON object there, in its canonical form."""
        self.write(name, canonical(value) + b"\n")

    def taken_up(self, name: str) -> Path | None:
        """What an earlier run has put there whole; it is taken up in the sums."""
        found = self.path / name
        if not found.exists():
            return None
        self._written.add(name)
        return found

    def drop(self, name: str) -> None:
        """Nothing came of what was placed under this name."""
        self._written.discard(name)

    def finish(self) -> int:
        """Write the sums of everything that this export put here; how many files they name.

        Below a folder that was placed as a whole each file counts.
        """
        named = sorted(name for written in self._written for name in self._below(written))
        sums = "".join(f"{_sum(self.path / name)}  {name}\n" for name in named)
        files.replace(self.path / SUMS, sums.encode())
        return len(named)

    def _below(self, name: str) -> Iterator[str]:
        found = self.path / name
        if found.is_file():
            yield name
            return
        for one in found.rglob("*"):
            if one.is_file():
                one.chmod(0o600)
                yield one.relative_to(self.path).as_posix()


def _is_claimed_by(path: Path, said: bytes) -> bool:
    return path.is_file() and path.read_bytes() == said


def _sum(path: Path) -> str:
    total = sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            total.update(piece)
    return total.hexdigest()
