"""The header of a DICOM file as plain values: texts and coded concepts by keyword, without its pixels."""

import warnings
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from ledger.errors import InvalidInput, NotFound, StoreUnavailable

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

MAX_INFLATED = 64 << 20
"""The largest deflated data set that is read: the reader inflates all of it."""

_DEFLATED = "1.2.840.10008.1.2.1.99"
_MAGIC = slice(128, 132)
_PREFIX = 132 + 12
# How a file without preamble begins: with an element of group 2 or 8, that in either order of bytes.
_GROUPS = (b"\x02\x00", b"\x08\x00", b"\x00\x08")
_TEXTS = frozenset({"CS", "LO", "LT", "SH", "ST", "UC", "UT"})
_LARGE = 16 << 20
_PIECE = 1 << 20


class Concept(NamedTuple):
    """A coded concept: the designator of its code system (or its UID), the code, and what it means."""

    scheme: str
    code: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class DicomHeader:
    """The elements that were asked for, by keyword; those that are not there, or empty, are left out.

    ``texts`` are the elements themselves, several values joined by a backslash; ``notes`` the texts and
    ``concepts`` the codes within sequences, at any depth. ``unread`` names those that cannot be read.
    """

    media_class: str
    texts: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    concepts: Mapping[str, tuple[Concept, ...]] = field(default_factory=dict)
    schemes: Mapping[str, str] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()


def read_header(path: Path, keywords: Collection[str]) -> DicomHeader | None:
    """The header of a DICOM file; None for any other file, whatever its name.

    A file without the preamble is one if it begins as a data set does, and names an instance of one of the
    standard's storage classes. What is read does not grow with the pixels.

    Raises:
        InvalidInput: ``bad_dicom``: it has the preamble, but no header that can be read; ``dicom_too_large``:
            its deflated data set has more than 64 MiB.
        NotFound: no such file.
        StoreUnavailable: it cannot be read.
    """
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            head = file.read(_PREFIX)
            marked = head[_MAGIC] == b"DICM"
            if not marked and head[:2] not in _GROUPS:
                return None
            dataset = _dataset(file, path, keywords, marked=marked)
            return None if dataset is None else _plain(dataset, keywords)
    except FileNotFoundError as exc:
        raise NotFound(f"there is no file {path}", reason="file_missing", fix="Check its name.") from exc
    except OSError as exc:
        raise StoreUnavailable(f"{path} cannot be read: {exc.strerror}", reason="file_not_read") from exc


def _dataset(file: BinaryIO, path: Path, keywords: Collection[str], *, marked: bool) -> "Dataset | None":
    from pydicom.datadict import tag_for_keyword
    from pydicom.filereader import read_partial

    also = ("SOPClassUID", "SOPInstanceUID", "SpecificCharacterSet", "CodingSchemeIdentificationSequence")
    tags = [tag for tag in map(tag_for_keyword, {*keywords, *also}) if tag is not None]
    last = max(tags)
    try:
        if marked:
            _require_small(file, path)
        file.seek(0)
        found = read_partial(
            file,
            stop_when=lambda tag, _, __: tag > last or not tag,  # zeros behind the end are no elements
            defer_size=_LARGE,
            force=not marked,
            specific_tags=list(tags),
        )
        return found if marked or _is_instance(found) else None
    except (OSError, InvalidInput):
        raise
    except Exception as exc:
        # The reader fails in many ways on what is no DICOM, or is damaged.
        if not marked:
            return None
        raise InvalidInput(
            f"{path.name} is marked as DICOM, but its header cannot be read", reason="bad_dicom"
        ) from exc


def _require_small(file: BinaryIO, path: Path) -> None:
    from pydicom.filereader import read_file_meta_info

    meta = read_file_meta_info(path)
    if meta.get("TransferSyntaxUID") != _DEFLATED:
        return
    file.seek(_PREFIX + int(meta.get("FileMetaInformationGroupLength", 0)))
    inflater, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    packed = file.read(_PIECE)
    while packed and not inflater.eof:
        size += len(inflater.decompress(packed, _PIECE))
        if size > MAX_INFLATED:
            raise InvalidInput(
                f"{path.name} is a deflated DICOM file of more than {MAX_INFLATED >> 20} MiB",
                reason="dicom_too_large",
                fix="Store it with another transfer syntax.",
            )
        packed = inflater.unconsumed_tail or file.read(_PIECE)


def _is_instance(dataset: "Dataset") -> bool:
    from pydicom.uid import UID

    kind, instance = dataset.get("SOPClassUID"), dataset.get("SOPInstanceUID")
    return bool(kind and instance) and UID(str(kind)).type == "SOP Class"


def _plain(dataset: "Dataset", keywords: Collection[str]) -> DicomHeader:
    texts: dict[str, str] = {}
    notes: dict[str, tuple[str, ...]] = {}
    concepts: dict[str, tuple[Concept, ...]] = {}
    unread: set[str] = set()
    for keyword in keywords:
        try:
            parts = list(_parts(dataset.get(keyword)))
            found = tuple(_concept(part) for part in parts if _code(part))
            said = tuple(text for part in parts for text in _texts(part))
            text = "" if parts else _text(dataset, keyword)
        except Exception:  # whatever the reader finds wrong with the value
            unread.add(keyword)
            continue
        texts |= {keyword: text} if text else {}
        notes |= {keyword: said} if said else {}
        concepts |= {keyword: found} if found else {}
    return DicomHeader(
        media_class=str(getattr(dataset, "file_meta", {}).get("MediaStorageSOPClassUID", "")),
        texts=texts,
        notes=notes,
        concepts=concepts,
        schemes=_schemes(dataset),
        unread=frozenset(unread),
    )


def _schemes(dataset: "Dataset") -> dict[str, str]:
    """The UIDs that the file gives designators of code systems."""
    try:
        found = _parts(dataset.get("CodingSchemeIdentificationSequence"))
        return {
            _text(part, "CodingSchemeDesignator"): _text(part, "CodingSchemeUID")
            for part in found
            if _text(part, "CodingSchemeUID")
        }
    except Exception:  # without it, codes of private systems have none
        return {}


def _parts(value: object) -> "Iterator[Dataset]":
    """The data sets in a sequence, at any depth."""
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, Dataset):
            yield item
            stack.extend(element.value for element in item)
        elif isinstance(item, Sequence):
            stack.extend(item)


def _concept(part: "Dataset") -> Concept:
    return Concept(_text(part, "CodingSchemeDesignator"), _code(part), _text(part, "CodeMeaning"))


def _code(part: "Dataset") -> str:
    return next(
        (code for name in ("CodeValue", "LongCodeValue", "URNCodeValue") if (code := _text(part, name))), ""
    )


def _texts(part: "Dataset") -> Iterator[str]:
    yield from (str(element.value) for element in part if element.VR in _TEXTS and element.value)


def _text(dataset: "Dataset", keyword: str) -> str:
    from pydicom.multival import MultiValue

    value = dataset.get(keyword)
    many = value if isinstance(value, (list, MultiValue)) else [value]
    return "\\".join("" if one is None else str(one) for one in many).strip(" \0")
