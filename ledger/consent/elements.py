"""Reading FHIR JSON by a closed table: every element is taken by name, and what is left over is refused."""

import re
from collections.abc import Mapping
from typing import Any, Self

from ledger.consent.moments import Span, span
from ledger.errors import DocumentRejected, InvalidInput, TooLarge

MAX_ENTRIES = 256
URI_SYSTEM = "urn:ietf:rfc:3986"
# Without the signs that a statement puts around names and identities: quotation mark and angle brackets.
_URI = re.compile(r"[\x21\x23-\x3b\x3d\x3f-\x7b\x7d\x7e]{1,512}")
_NAME = re.compile(r"_?[A-Za-z][A-Za-z0-9]{0,63}")
_CODE = re.compile(r"[\x21\x23-\x3b\x3d\x3f-\x7e]{1,120}( [\x21\x23-\x3b\x3d\x3f-\x7e]{1,120})*")


class Node:
    """One JSON object of a document and where it stands, as a FHIRPath."""

    def __init__(self, value: object, path: str) -> None:
        if not isinstance(value, dict) or not value:
            raise DocumentRejected(
                path, "an object with at least one element is expected", reason="wrong_type"
            )
        self.path = path
        self._value: Mapping[str, Any] = value
        self._left = set(value)

    def at(self, name: str) -> str:
        """The path of an element of this object; a question mark for a name that no element has."""
        return f"{self.path}.{name if _NAME.fullmatch(name) else '?'}"

    def take(self, name: str) -> Any:  # noqa: ANN401
        """The element as it stands, None if absent."""
        self._left.discard(name)
        value = self._value.get(name)
        if value is None and name in self._value:
            raise DocumentRejected(self.at(name), "null is not FHIR JSON", reason="null")
        return value

    def text(self, name: str) -> str:
        """A required string."""
        found = self.optional_text(name)
        if found is None:
            raise DocumentRejected(self.at(name), "required", reason="required")
        return found

    def optional_text(self, name: str) -> str | None:
        """A string that is not empty, None if absent."""
        value = self.take(name)
        if value is not None and (not isinstance(value, str) or not value.strip()):
            raise DocumentRejected(self.at(name), "a text that is not empty is expected", reason="wrong_type")
        return value

    def constant(self, name: str, *allowed: str) -> str:
        """A required string with one of the `allowed` values."""
        found = self.text(name)
        if found not in allowed:
            raise DocumentRejected(self.at(name), f"must be {' or '.join(allowed)}", reason="not_allowed")
        return found

    def optional_constant(self, name: str, *allowed: str) -> None:
        """One of the `allowed` strings, or absent."""
        if name in self._value:
            self.constant(name, *allowed)

    def node(self, name: str) -> "Node":
        """A required object."""
        if name not in self._value:
            raise DocumentRejected(self.at(name), "required", reason="required")
        return Node(self.take(name), self.at(name))

    def nodes(self, name: str) -> "list[Node]":
        """The objects of a list, none if absent. A list that is there has at least one and at most 256."""
        value = self.take(name)
        if value is None:
            return []
        if not isinstance(value, list) or not value:
            raise DocumentRejected(
                self.at(name), "a list with at least one entry is expected", reason="wrong_type"
            )
        require_short(self.at(name), value)
        return [Node(item, f"{self.at(name)}[{index}]") for index, item in enumerate(value)]

    def has(self, name: str) -> bool:
        """Whether the element is there."""
        return name in self._value

    def done(self) -> Self:
        """Refuse whatever was not taken."""
        for name in sorted(self._left):
            raise DocumentRejected(
                self.at(name),
                "an element that cannot be enforced",
                reason="extension" if name.lower().endswith("extension") else "unsupported",
                fix="leave it out; a document is accepted only if all of it is enforced",
            )
        return self


def require_short(path: str, found: list[Any]) -> None:
    """Refuse a list of more than 256 entries (TooLarge)."""
    if len(found) > MAX_ENTRIES:
        raise TooLarge(f"{path} has {len(found)} entries; at most {MAX_ENTRIES} are accepted")


def coding(node: Node, *systems: str) -> tuple[str, str]:
    """System and code of a Coding whose system is one of `systems` (any, if none is given)."""
    system = node.constant("system", *systems) if systems else node.text("system")
    code = node.text("code")
    node.optional_text("display")
    node.done()
    if not _URI.fullmatch(system):
        raise DocumentRejected(
            node.at("system"), "not a URI in printable ASCII without angle brackets", reason="bad_identity"
        )
    if not _CODE.fullmatch(code):
        raise DocumentRejected(
            node.at("code"), "not a code in printable ASCII without angle brackets", reason="bad_identity"
        )
    return system, code


def concept(node: Node) -> list[Node]:
    """The codings of a CodeableConcept; its ``text`` is carried."""
    codings = node.nodes("coding")
    node.optional_text("text")
    node.done()
    if not codings:
        raise DocumentRejected(
            node.at("coding"), "required: a text alone cannot be enforced", reason="required"
        )
    return codings


def single(node: Node, *systems: str) -> str:
    """The code of a CodeableConcept with exactly one coding, of one of `systems`."""
    codings = concept(node)
    if len(codings) != 1:
        raise DocumentRejected(node.at("coding"), "exactly one coding is expected", reason="ambiguous")
    return coding(codings[0], *systems)[1]


def period(node: Node, zone: int) -> tuple[str | None, str | None, Span | None, Span | None]:
    """Start and end of a Period, as text and as spans in the document's zone; closed at both ends."""
    texts = [node.optional_text("start"), node.optional_text("end")]
    node.done()
    spans = [_span(node.at(name), text, zone) for name, text in zip(("start", "end"), texts, strict=True)]
    if spans[0] and spans[1] and spans[0].start >= spans[1].end:
        raise DocumentRejected(node.path, "it ends before it starts", reason="period_reversed")
    return texts[0], texts[1], spans[0], spans[1]


def identity(node: Node) -> str:
    """What a Reference points at: its literal ``reference``, or its ``identifier`` (one of them, not both).

    An identifier of the URI system is its value (``did:pkh:…``); any other is ``system|value``.
    """
    literal = node.optional_text("reference")
    node.optional_text("type")
    has_identifier = node.has("identifier")
    if (literal is None) != has_identifier:
        raise DocumentRejected(
            node.path, "exactly one of reference and identifier is expected", reason="ambiguous"
        )
    found = literal if literal is not None else _identifier(node.node("identifier"))
    if literal is not None and not _URI.fullmatch(literal):
        raise DocumentRejected(
            node.at("reference"), "not a URI in printable ASCII without angle brackets", reason="bad_identity"
        )
    if found.startswith("#"):
        raise DocumentRejected(node.at("reference"), "a contained resource", reason="unsupported")
    return found


def _identifier(node: Node) -> str:
    system, value = node.text("system"), node.text("value")
    node.done()
    for name, text in (("system", system), ("value", value)):
        if not _URI.fullmatch(text):
            raise DocumentRejected(
                node.at(name), "not a URI in printable ASCII without angle brackets", reason="bad_identity"
            )
    return value if system == URI_SYSTEM else f"{system}|{value}"


def _span(path: str, text: str | None, zone: int) -> Span | None:
    if text is None:
        return None
    try:
        return span(text, zone)
    except InvalidInput as exc:
        raise DocumentRejected(path, exc.message, reason=exc.reason, fix=exc.fix) from exc
