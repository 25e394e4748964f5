"""Files of a profile that give their places to others, all of them, also across a crash.

::

    <profile>/<waiting>/              the files that wait for their places
    └── leaving, entering             markers: old files leave first, all of them, then the new ones enter
    <profile>/former/<name>/          where the old ones go; none is thrown away
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from ledger import durable
from ledger.client import files
from ledger.client.home import ProfileDir


@dataclass(frozen=True, slots=True)
class Handover:
    """One way in which the files of a profile change: ``places`` are their names, ``outcome`` is one of them.

    The outcome is what was done, for whoever asks again after a crash.
    """

    profile: ProfileDir
    waiting: str
    places: tuple[str, ...]
    outcome: str

    @property
    def place(self) -> ProfileDir:
        """Where the new files wait, a profile in itself."""
        return ProfileDir(self.profile.path / self.waiting)

    def take_over(self, outcome: bytes, former: str) -> None:
        """Put the new files in the place of the old; these go to a folder named `former`."""
        files.replace(self.place.path / self.outcome, outcome)
        files.replace(self._leaving, former.encode("ascii"))
        self._change_places()

    def settle(self) -> bytes | None:
        """Finish taking over, if that was broken off; the outcome then."""
        if not (self._leaving.exists() or self._entering.exists()):
            return None
        self._change_places()
        return files.read(self.profile.path / self.outcome)

    def _change_places(self) -> None:
        marker = self._leaving if self._leaving.exists() else self._entering
        former = self.profile.path / "former" / files.read(marker).decode("ascii")
        files.make_private(former)
        if self._leaving.exists():
            self._move(self.profile.path, former)
            files.replace(self._entering, self._leaving.read_bytes())
            self._leaving.unlink()
        self._move(self.place.path, self.profile.path)
        self._entering.unlink()
        shutil.rmtree(self.place.path)

    def _move(self, source: Path, target: Path) -> None:
        for name in self.places:
            if (source / name).exists():
                (source / name).rename(target / name)
        for directory in (source, target):
            durable.sync_directory(directory)

    @property
    def _leaving(self) -> Path:
        return self.place.path / "leaving"

    @property
    def _entering(self) -> Path:
        return self.place.path / "entering"


def arrival(profile: ProfileDir) -> Handover:
    """The change of files when a patient moves to another gateway: what is known of the old one leaves."""
    places = ("config.json", "state.sealed", "receipts", "staged", "moved.json")
    return Handover(profile, "moving", places, "moved.json")
