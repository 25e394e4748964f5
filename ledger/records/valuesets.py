"""The value sets: which codes and words say that something is sensitive, and what of.

The rules are data (``ledger/data/valuesets``): a row names a code of a system, or a word, with its labels,
what it means and where that is published. Here they are only looked up, however a source may have spelled
the system or the code.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache

import msgspec

from ledger import data
from ledger.consent.codes import SENSITIVITIES

GROUPS = (
    "substance-use",
    "mental-health",
    "hiv",
    "reproductive-health",
    "violence",
    "genetics",
)

ANY = "?"
"""In a code that others begin with: any one character."""

# Texts as short as this are names of codes, and come again and again.
_NAME = 200
_SCHEME = re.compile(r"^(?:https?://|urn:oid:)(?:www\.)?")
_GAP = r"[\s\-/,]+"
_CONCEPT = re.compile(r"\d{6,18}")
# What a code must look like to be taken for one of a system that its source does not name.
_TELLING = {
    "icd-10-cm": re.compile(r"[A-TV-Z]\d[0-9AB](?:\.[0-9A-Z]{1,4})?", re.IGNORECASE),
    "snomed-ct": re.compile(r"\d{6,18}"),
    "loinc": re.compile(r"\d{3,6}-\d"),
}


class System(msgspec.Struct, frozen=True):
    """A code system: its title, the release its rows were checked against, and every name it goes by."""

    title: str
    version: str
    uris: tuple[str, ...]


class Row(msgspec.Struct, frozen=True, rename={"excluded": "except"}, omit_defaults=True):
    """A rule: what carries this code (or one that begins with it, or this word) gets these labels.

    ``match`` is *exact*, *prefix* (of a code without dots, `ANY` for any one character) or *word*. ``except``
    names the codes (or phrases) that begin (or read) the same and mean something else.
    """

    system: str
    code: str
    match: str
    labels: tuple[str, ...]
    meaning: str
    source: str
    excluded: tuple[str, ...] = ()


class ValueSet(msgspec.Struct, frozen=True):
    """The rows of one group, and the labels that the group is about."""

    format: str
    group: str
    labels: tuple[str, ...]
    rows: tuple[Row, ...]


@cache
def systems() -> Mapping[str, System]:
    """The code systems that rows name, by the name that they use."""
    return msgspec.json.decode(data.read("valuesets/systems.json"), type=dict[str, System])


@cache
def value_sets() -> Mapping[str, ValueSet]:
    """The shipped value sets, by group."""
    return {
        group: msgspec.json.decode(data.read(f"valuesets/{group}.json"), type=ValueSet) for group in GROUPS
    }


@lru_cache(maxsize=1 << 16)
def rows_of_code(system: str, code: str) -> tuple[Row, ...]:
    """The rows that a coding meets; none for most.

    A system is known by each of its URIs, OIDs and common names, whatever its case, scheme, version or final
    slash. A code without any system is looked up where its form alone tells the system.
    """
    if system.strip():
        named = name_of_system(system)
        return _rows(named, code) if named else ()
    text = code.strip()
    return tuple(row for name, form in _TELLING.items() if form.fullmatch(text) for row in _rows(name, text))


def rows_of_text(text: str) -> tuple[Row, ...]:
    """The rows whose word a text holds, outside the phrases that its row excepts."""
    return _rows_of_name(text) if len(text) <= _NAME else _search(text)


def labels_of_code(system: str, code: str) -> frozenset[str]:
    """The sensitivity labels that the value sets give a code; none for most."""
    return frozenset(label for row in rows_of_code(system, code) for label in row.labels)


def label_of(system: str, code: str) -> str | None:
    """The sensitivity label that a coding is itself, if it is one of v3-ActCode."""
    plain = code.strip().upper()
    return plain if name_of_system(system) == "act-code" and plain in SENSITIVITIES else None


def name_of_system(system: str) -> str | None:
    """The name under which `systems` has a code system, if it has it."""
    return _names().get(_plain_system(system))


@lru_cache(maxsize=1 << 12)
def _rows_of_name(text: str) -> tuple[Row, ...]:
    return _search(text)


def _search(text: str) -> tuple[Row, ...]:
    every, words = _words()
    if not every.search(text):
        return ()
    return tuple(row for row, word, other in words if word.search(other.sub(" ", text) if other else text))


def _plain_system(system: str) -> str:
    plain = _SCHEME.sub("", system.strip().partition("|")[0].lower()).rstrip("/")
    return "snomed.info/sct" if plain.startswith(("snomed.info/sct/", "snomed.info/xsct")) else plain


def _rows(name: str, code: str) -> tuple[Row, ...]:
    exact, prefixes = _codes()
    if name == "snomed-ct":
        found = [row for concept in _CONCEPT.findall(code) for row in exact.get((name, concept), ())]
    else:
        found = list(exact.get((name, code.strip().upper()), ()))
    plain = _plain_code(code)
    for length in range(1, len(plain) + 1):
        for row in prefixes.get((name, plain[:length]), ()):
            if _fits(row, plain):
                found.append(row)
    return tuple(found)


def _fits(row: Row, plain: str) -> bool:
    """Whether a code begins as a row says, and as none of its exceptions."""
    pairs = zip(row.code, plain, strict=False)
    whole = len(plain) >= len(row.code)
    return whole and all(want in (ANY, got) for want, got in pairs) and not plain.startswith(row.excluded)


def _plain_code(code: str) -> str:
    return re.sub(r"[^0-9A-Z]", "", code.upper())


@cache
def _names() -> Mapping[str, str]:
    return {_plain_system(uri): name for name, system in systems().items() for uri in system.uris}


_Table = Mapping[tuple[str, str], tuple[Row, ...]]


@cache
def _codes() -> tuple[_Table, _Table]:
    exact: dict[tuple[str, str], tuple[Row, ...]] = defaultdict(tuple)
    prefixes: dict[tuple[str, str], tuple[Row, ...]] = defaultdict(tuple)
    for row in (row for shipped in value_sets().values() for row in shipped.rows):
        if row.match == "prefix":
            prefixes[row.system, row.code.partition(ANY)[0]] += (row,)
        elif row.match == "exact":
            exact[row.system, row.code.upper()] += (row,)
    return dict(exact), dict(prefixes)


_Word = tuple[Row, re.Pattern[str], re.Pattern[str] | None]


@cache
def _words() -> tuple[re.Pattern[str], tuple[_Word, ...]]:
    rows = [row for shipped in value_sets().values() for row in shipped.rows if row.match == "word"]
    words = tuple(
        (row, re.compile(_pattern(row.code)), re.compile(_any(row.excluded)) if row.excluded else None)
        for row in rows
    )
    return re.compile(_any(row.code for row in rows)), words


def _any(phrases: Iterable[str]) -> str:
    return "|".join(map(_pattern, phrases))


def _pattern(phrase: str) -> str:
    """A regular expression for a phrase: whole words, ``*`` for their rest, capitals as they stand."""
    words = (re.escape(word).replace(r"\*", r"\w*") for word in phrase.split())
    pattern = r"\b" + _GAP.join(words) + r"(?!\w)"
    return pattern if phrase != phrase.lower() else f"(?i:{pattern})"
