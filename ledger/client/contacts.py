r"""The people somebody knows, by the name that they gave them; kept on their own disk and nowhere else.

``contacts.json`` holds each contact's card as it was verified when it was taken::

    {"contacts":{"clinic":"{\"did\":\"did:pkh:eip155:31337:0x…\",…}"},"format":"consent-ledger/contacts/1"}
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Self

from ledger.canonical import canonical, parse_object
from ledger.client import files
from ledger.errors import Conflict, InvalidInput, NotFound
from ledger.ids import Did, parse_did
from ledger.parties import Card, parse_card

FORMAT = "consent-ledger/contacts/1"
SHORTEST_PREFIX = 6

_NAME = re.compile(r"[a-z][a-z0-9._-]{0,39}")
_WHOLE_DID = re.compile(r"did:pkh:eip155:[0-9]+:0x[0-9a-fA-F]{40}")


@dataclass(frozen=True, slots=True)
class Contacts:
    """An immutable address book; `load` and `save` bring it from and to its file."""

    by_name: Mapping[str, Card] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Self:
        """The contacts in a file, none if there is no file; cards are not verified again.

        Raises:
            InvalidInput: not a contacts file of this format.
        """
        if not path.exists():
            return cls()
        content = parse_object(files.read(path))
        cards = content.get("contacts")
        if content.get("format") != FORMAT or not isinstance(cards, dict):
            raise InvalidInput(f"{path} is not a contacts file", reason="bad_contacts")
        return cls({check_contact_name(name): parse_card(str(card)) for name, card in cards.items()})

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        cards = {name: card.text.decode() for name, card in self}
        files.replace(path, canonical({"format": FORMAT, "contacts": cards}) + b"\n")

    def __iter__(self) -> Iterator[tuple[str, Card]]:
        return iter(sorted(self.by_name.items()))

    def add(self, name: str, card: Card) -> "Contacts":
        """With one more; a newer card of the same account takes the place of the older one.

        Raises:
            InvalidInput: not a contact name.
            Conflict: the name stands for somebody else.
        """
        known = self.by_name.get(check_contact_name(name))
        if known is not None and known.did != card.did:
            raise Conflict(
                f"the name {name!r} is taken by somebody else",
                reason="contact_exists",
                fix=f"Choose another name, or first: consent contact remove {name}",
            )
        return Contacts({**self.by_name, name: card})

    def remove(self, name: str) -> "Contacts":
        """Without one; NotFound if there is none of that name."""
        self.get(name)
        return Contacts({key: card for key, card in self.by_name.items() if key != name})

    def get(self, name: str) -> Card:
        """The card of the contact of that name, or NotFound."""
        if name not in self.by_name:
            raise NotFound(
                f"no contact is named {name!r}",
                reason="unknown_contact",
                fix="See them with: consent contact list",
            )
        return self.by_name[name]

    def name_of(self, did: Did) -> str | None:
        """The local name of somebody, if they have one."""
        return next((name for name, card in self if card.did == did), None)


def check_contact_name(name: str) -> str:
    """A local name: a lower-case letter, then letters, digits, dot, dash or underscore; at most 40.

    Raises:
        InvalidInput: any other.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"{name!r} cannot be a contact's name",
            reason="bad_contact_name",
            fix="Use lower-case letters, digits, '.', '-' and '_', beginning with a letter.",
        )
    return name


def resolve_person(text: str, contacts: Contacts, others: Mapping[Did, str] = MappingProxyType({})) -> Did:
    """Who is meant by `text`: a contact's name, a did, a public name, or the start of an address.

    Args:
        text: what somebody typed. An abbreviation has at least 6 characters and may leave out ``did:pkh:…:``.
        contacts: looked at first.
        others: more people with their public names, such as the participants of a directory.

    Raises:
        InvalidInput: a did with a wrong checksum, or an abbreviation that more than one person fits.
        NotFound: nobody fits.
    """
    if text in contacts.by_name:
        return contacts.by_name[text].did
    if _WHOLE_DID.fullmatch(text):
        parse_did(text)
        return Did(text)
    named = {did for did, name in others.items() if name.casefold() == text.casefold()}
    known = {card.did for _, card in contacts} | others.keys()
    found = named or {did for did in known if _begins(did, text)}
    if len(found) > 1:
        raise InvalidInput(
            f"{text!r} fits {len(found)} people",
            reason="ambiguous",
            fix="Give more of the address.",
        )
    if not found:
        raise NotFound(
            f"nobody here goes by {text!r}",
            reason="unknown_person",
            fix="Take their card with 'consent contact add NAME CARD', or see 'consent participant list'.",
        )
    return found.pop()


def _begins(did: str, text: str) -> bool:
    address = did.rsplit(":", 1)[1]
    if len(text) < SHORTEST_PREFIX:
        return False
    return did.startswith(text) or address.lower().startswith(text.lower())
