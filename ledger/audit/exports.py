"""A log in a directory, to be audited without its gateway.

========== =====================================================================
checkpoint the signed note, as the gateway gave it
entries    one row a line, ``entries.jsonl``, by index (see `ledger.audit.sources`)
========== =====================================================================

Nothing in it is trusted more than a gateway's answer: the key and the chain come from the auditor.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ledger.audit.checkpoints import claimed
from ledger.audit.sources import PAGE, LogSource, Progress, Row, walk
from ledger.audit.tally import Tally
from ledger.canonical import canonical, parse_object
from ledger.durable import appearing
from ledger.errors import InvalidInput, NotFound

CHECKPOINT = "checkpoint"
ENTRIES = "entries.jsonl"


class ExportSource:
    """A `LogSource` over an export; it is read front to back, a page in memory at a time."""

    def __init__(self, directory: Path) -> None:
        """Name the directory.

        Raises:
            NotFound: it holds no export.
        """
        self._directory = directory
        if not all((directory / name).is_file() for name in (CHECKPOINT, ENTRIES)):
            raise NotFound("no export of a log in this directory", reason="no_export")
        self._rows: Iterator[Row] = iter(())
        self._ahead: Row | None = None

    def checkpoint(self) -> str:
        """See `LogSource`."""
        return (self._directory / CHECKPOINT).read_text(encoding="utf-8", errors="replace")

    def entries(self, start: int, end: int) -> Sequence[Row]:
        """See `LogSource`.

        Raises:
            InvalidInput: a line that is no row.
        """
        if start == 0:
            self._rows, self._ahead = self._read(), None
        page: list[Row] = []
        while len(page) < PAGE and (row := self._next()) is not None:
            if row.index >= end:
                self._ahead = row
                break
            page.append(row)
        return page

    def _next(self) -> Row | None:
        ahead, self._ahead = self._ahead, None
        return ahead if ahead is not None else next(self._rows, None)

    def _read(self) -> Iterator[Row]:
        with (self._directory / ENTRIES).open("rb") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    yield Row.of(parse_object(line, limit=1 << 24))
                except InvalidInput as exc:
                    raise InvalidInput(
                        f"line {number} of the export is no row of a log", reason="bad_export"
                    ) from exc


def save_export(source: LogSource, directory: Path, progress: Progress | None = None) -> int:
    """Write a log's checkpoint and entries as the source shows them; how many entries it counts.

    Nothing is checked: what is wrong with the source is in the export too. An earlier export is replaced,
    each file whole or not at all, with mode 0600.

    Raises:
        ProofInvalid: the source shows no checkpoint.
        StoreUnavailable: the directory cannot be written.
    """
    note = source.checkpoint()
    size = claimed(note).size
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with appearing(directory / ENTRIES) as lines:
        for row in walk(source, size, Tally(), progress):
            if isinstance(row, Row):
                lines.write(canonical(row.to_json()) + b"\n")
    with appearing(directory / CHECKPOINT) as file:
        file.write(note.encode("utf-8"))
    return size
