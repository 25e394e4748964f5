"""What in a resource may say that it is sensitive: its codings, its texts, and what it refers to.

Everything is looked at, at any depth: contained resources, extensions and their URLs, narrative, texts that
are attached. Left out are names, addresses and identifiers, which are about who somebody is, and units.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ledger.records.codings import UNITS, identities

EXTENSION = "extension"
TYPE = "resource-type"

TEXTS = frozenset(
    {
        "comment",
        "conclusion",
        "description",
        "detail",
        "display",
        "div",
        "mitigation",
        "name",
        "patientInstruction",
        "summary",
        "text",
        "title",
    }
)
# The endings of elements with a choice of type: ``valueString``, ``contentString``, ``onsetString``.
_TEXT_TYPES = ("String", "Markdown")
_SKIPPED = frozenset({"address", "identifier", "name", "photo", "security", "telecom"})


@dataclass(frozen=True, slots=True)
class Code:
    """A coding and the element that it stands in; the system is empty if it has none."""

    path: str
    system: str
    code: str


@dataclass(frozen=True, slots=True)
class Text:
    """A text for people and the element that it stands in."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Pointer:
    """The names that one Reference gives its target, and the element that it stands in."""

    path: str
    names: tuple[str, ...]

    @property
    def element(self) -> str:
        """The last element of the path: ``condition`` of ``diagnosis.condition``."""
        return self.path.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Clues:
    """All clues of one resource, in the order of its elements."""

    codes: list[Code] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    pointers: list[Pointer] = field(default_factory=list)


def clues_of(value: dict[str, Any]) -> Clues:
    """The clues of a resource."""
    found = Clues()
    stack: list[tuple[str, object]] = [("", value)]
    while stack:
        path, item = stack.pop()
        if isinstance(item, list):
            stack.extend((path, child) for child in reversed(item))
        elif isinstance(item, dict):
            found.codes.extend(_codes(path, item))
            if names := tuple(identities(item)):
                found.pointers.append(Pointer(path, names))
            for name, child in reversed(item.items()):
                if isinstance(child, str):
                    if name in TEXTS or name.endswith(_TEXT_TYPES):
                        found.texts.append(Text(_below(path, name), child))
                elif name not in _SKIPPED:
                    stack.append((path if name == "coding" else _below(path, name), child))
            if (inline := _inline(item)) is not None:
                found.texts.append(Text(_below(path, "data"), inline))
    return found


def _inline(attachment: dict[str, Any]) -> str | None:
    """The text that an Attachment holds itself, if it is one."""
    kind, data = attachment.get("contentType"), attachment.get("data")
    if not (isinstance(kind, str) and kind.lower().startswith("text/") and isinstance(data, str)):
        return None
    try:
        return base64.b64decode(data).decode(errors="replace")
    except ValueError:
        return data


def _codes(path: str, item: dict[str, Any]) -> Iterator[Code]:
    code, system, url, kind = (item.get(name) for name in ("code", "system", "url", "resourceType"))
    if isinstance(kind, str):
        yield Code(_below(path, "resourceType"), TYPE, kind)
    if isinstance(code, str) and system != UNITS:
        yield Code(path, system if isinstance(system, str) else "", code)
    if isinstance(bare := item.get("valueCode"), str):
        yield Code(_below(path, "valueCode"), "", bare)
    if isinstance(url, str) and path.endswith(EXTENSION):
        yield Code(path, EXTENSION, url)


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
