"""Closed code lists: purposes, sensitivity labels, confidentiality, actions, record classes.

The one place that knows which codes exist. A class is named everywhere inside by its code
(``30954-2``, ``demographics``); the command line's words (``labs``) are mapped here.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ledger.consent import tables
from ledger.errors import UnknownCode

PURPOSE_SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
SENSITIVITY_SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CONFIDENTIALITY_SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
ACTION_SYSTEM = "http://terminology.hl7.org/CodeSystem/consentaction"
ROLE_SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
SCOPE_SYSTEM = "http://terminology.hl7.org/CodeSystem/consentscope"
LOINC_SYSTEM = "http://loinc.org"
CLASS_SYSTEM = "https://consent-ledger.example/codes/class"

SHOWN = 50
"""The longest list of codes that an error shows whole."""


class Tree:
    """A code list with is-a. Membership (``in``) means: may be named in a document or request."""

    def __init__(self, kind: str, source: str, table: str) -> None:
        self.kind = kind
        self.source = source
        self._words: dict[str, str] = {}
        self._ancestors: dict[str, frozenset[str]] = {}
        path: list[tuple[int, str]] = []
        for line in filter(None, table.splitlines()):
            code, _, words = line.strip().partition(" ")
            indent = len(line) - len(line.lstrip())
            path = [step for step in path if step[0] < indent]
            path.append((indent, code))
            self._ancestors[code] = frozenset(step[1] for step in path)
            if words:
                self._words[code] = words.strip()

    def __contains__(self, code: object) -> bool:
        return code in self._words

    def __iter__(self) -> Iterator[str]:
        return iter(self._words)

    def check(self, code: str) -> str:
        """`code`, or UnknownCode when the list has no such concrete code."""
        if code not in self._words:
            raise UnknownCode(
                f"no such {self.kind} code",
                reason=f"unknown_{self.kind}",
                fix=f"Use one of {self._choice()}.",
            )
        return code

    def _choice(self) -> str:
        """The codes to choose from; of a long list those that stand highest."""
        if len(self._words) <= SHOWN:
            return ", ".join(self._words)
        tops = [code for code in self._words if not self._words.keys() & self._ancestors[code] - {code}]
        return f"{', '.join(tops)}, or one below them in {self.source}"

    def is_a(self, code: str, ancestor: str) -> bool:
        """Whether `code` is `ancestor` or lies below it. An unknown code is nothing."""
        return ancestor in self._ancestors.get(code, ())

    def covered(self, codes: Iterable[str]) -> frozenset[str]:
        """`codes` and everything below them."""
        named = set(codes)
        return frozenset(code for code, path in self._ancestors.items() if not named.isdisjoint(path))

    def is_broad(self, code: str) -> bool:
        """Whether other codes lie below `code`."""
        return any(code in path and code != other for other, path in self._ancestors.items())

    def words(self, code: str) -> str:
        """The words for patients of a code in the list."""
        return self._words[self.check(code)]

    def ancestors(self, code: str) -> frozenset[str]:
        """`code` and everything above it; empty for an unknown code."""
        return self._ancestors.get(code, frozenset())


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordClass:
    """A class of records: its code, the code's system, the word on the command line, words for patients."""

    code: str
    system: str
    word: str
    words: str


def _pairs(table: str) -> Mapping[str, str]:
    found = {}
    for line in filter(None, table.splitlines()):
        code, words = line.split(maxsplit=1)
        found[code] = words
    return MappingProxyType(found)


def _classes() -> Mapping[str, RecordClass]:
    found = {}
    for code, rest in _pairs(tables.CLASSES).items():
        word, words = rest.split(maxsplit=1)
        system = LOINC_SYSTEM if code[0].isdigit() else CLASS_SYSTEM
        found[code] = RecordClass(code=code, system=system, word=word, words=words)
    return MappingProxyType(found)


PURPOSES = Tree("purpose", "v3-ActReason", tables.PURPOSES)
SENSITIVITIES = Tree("label", "v3-ActCode", tables.SENSITIVITIES)
CONFIDENTIALITIES = _pairs(tables.CONFIDENTIALITIES)
ACTIONS = _pairs(tables.ACTIONS)
CLASSES = _classes()

_BY_WORD = {entry.word: entry.code for entry in CLASSES.values()}
_RANK = {code: rank for rank, code in enumerate(CONFIDENTIALITIES)}


def class_code(text: str) -> str:
    """The class code of a word (``labs``) or of a class code itself.

    Raises:
        UnknownCode: neither; the message lists the words.
    """
    code = _BY_WORD.get(text, text)
    if code not in CLASSES:
        raise UnknownCode(
            "no such class of records", reason="unknown_class", fix=f"Use one of {', '.join(_BY_WORD)}."
        )
    return code


def rank(confidentiality: str) -> int:
    """The place of a confidentiality code in U < L < M < N < R < V.

    Raises:
        UnknownCode: another code.
    """
    if confidentiality not in _RANK:
        raise UnknownCode(
            f"no such confidentiality: one of {', '.join(_RANK)}", reason="unknown_confidentiality"
        )
    return _RANK[confidentiality]


def needs_emergency(purpose: str) -> bool:
    """Whether a request for this purpose needs a declared emergency: ETREAT and what is below it, BTG."""
    return PURPOSES.is_a(purpose, "ETREAT")


def opens(action: str) -> bool:
    """Whether an action lets somebody see what is in a record; adding records (``collect``) does not."""
    return action in ACTIONS and action != "collect"
