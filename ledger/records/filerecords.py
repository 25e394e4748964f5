"""Plain files as records: a header from a file and what its owner says of it, and its bytes in a stream."""

import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from ledger.consent.codes import SENSITIVITIES, class_code, rank
from ledger.errors import InvalidInput, NotFound, StoreUnavailable
from ledger.ids import Did
from ledger.records.header import RecordHeader, is_date
from ledger.records.labels import confidentiality_floor

_PIECE = 1 << 20
_TEXTUAL = ("application/json", "application/xml", "application/x-ndjson", "application/rtf", "image/svg+xml")


def file_record(
    path: Path,
    *,
    patient: Did,
    record_class: str,
    media_type: str,
    date: str | None = None,
    labels: Iterable[str] = (),
    confidentiality: str | None = None,
) -> RecordHeader:
    """The header of a file, under its own name.

    `record_class` is a class code or its word; `confidentiality` is N if not given, and R at least with a
    label. Text-like media will be compressed.

    Raises:
        UnknownCode: a class, label or confidentiality that no code table has.
        InvalidInput: a media type, date or file name out of its form, or no regular file.
        NotFound: no such file.
        StoreUnavailable: the file cannot be read.
    """
    if date is not None and not is_date(date):
        raise InvalidInput(
            f"{date!r} is no day",
            reason="bad_date",
            fix="Write --date as year, month and day: 2026-05-03. The day or more may be left out: 2026-05.",
        )
    marks = tuple(sorted({SENSITIVITIES.check(label) for label in labels}))
    return RecordHeader(
        kind="file",
        patient=patient,
        record_class=class_code(record_class),
        confidentiality=max(confidentiality or "N", confidentiality_floor(marks), key=rank),
        labels=marks,
        date=date,
        media_type=media_type,
        name=path.name,
        compression="zstd" if is_textual(media_type) else "none",
        size=_size(path),
    )


def file_pieces(path: Path) -> Iterator[bytes]:
    """The bytes of a file, 1 MiB at a time.

    Raises:
        NotFound: while iterating: no such file.
        StoreUnavailable: while iterating: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece
    except FileNotFoundError as exc:
        raise _missing(path) from exc
    except OSError as exc:
        raise _unreadable(path) from exc


def is_textual(media_type: str) -> bool:
    """Whether a media type is text in one form or another, which compresses well."""
    return media_type.startswith("text/") or media_type in _TEXTUAL or media_type.endswith(("+json", "+xml"))


def _size(path: Path) -> int:
    try:
        status = path.stat()
    except FileNotFoundError as exc:
        raise _missing(path) from exc
    except OSError as exc:
        raise _unreadable(path) from exc
    if not stat.S_ISREG(status.st_mode):
        what = "a directory" if stat.S_ISDIR(status.st_mode) else "no regular file"
        raise InvalidInput(f"the path {path} is {what}", reason="not_a_file", fix="Name a file.")
    return status.st_size


def _missing(path: Path) -> NotFound:
    return NotFound(f"there is no file {path}", reason="file_missing", fix="Check its name.")


def _unreadable(path: Path) -> StoreUnavailable:
    return StoreUnavailable(
        f"the file {path} cannot be read", reason="file_not_read", fix="Check who may read it."
    )
