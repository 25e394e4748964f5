"""A card: how people learn each other's accounts outside any gateway, as a file or on paper.

::

    {"did":"did:pkh:eip155:31337:0x…","format":"consent-ledger/card/1","name":"Alice","signature":"0x…"}

It may also carry ``encryption`` (a participant's key, with ``version``) and ``inbox`` (a patient's, with
``epoch``). The holder signs ``This is my Consent Ledger card. SHA-256: 0x…`` (EIP-191), the hash being that
of the text without ``signature``. It proves that its maker holds the account; whether the name is theirs is
for the person who takes the card to know.
"""

from dataclasses import dataclass
from typing import Any, Self

from ledger.canonical import canonical, hexed, unhex
from ledger.consent.names import check_name
from ledger.crypto.identity import Account
from ledger.ids import Address, Did, parse_did
from ledger.parties.keys import VouchedKey
from ledger.parties.text import handed_over, parse_text, sign_text, text, verify_text

FORMAT = "consent-ledger/card/1"
_SENTENCE = "This is my Consent Ledger card. SHA-256: {}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Somebody's did, the name they go by, and the keys to which others may seal."""

    did: Did
    signature: bytes
    name: str | None = None
    encryption: VouchedKey | None = None
    inbox: VouchedKey | None = None

    @classmethod
    def sign(
        cls,
        did: Did,
        account: Account,
        *,
        name: str | None = None,
        encryption: VouchedKey | None = None,
        inbox: VouchedKey | None = None,
    ) -> Self:
        """The card of the holder of `account`, which is the one in `did`.

        Raises:
            InvalidInput: a name that cannot be shown.
        """
        members = _members(did, name, encryption, inbox)
        signature = sign_text(_SENTENCE, members, account)
        return cls(did=did, name=name, encryption=encryption, inbox=inbox, signature=signature)

    def __post_init__(self) -> None:
        """Refuse what could not be read back."""
        parse_did(self.did)
        if self.name is not None:
            check_name(self.name)

    def verify(self, *, directory: Address, registry: Address) -> None:
        """SignatureInvalid unless the holder signed this card and vouches for every key on it."""
        members = _members(self.did, self.name, self.encryption, self.inbox)
        with handed_over("card"):
            verify_text(_SENTENCE, members, self.signature, self.did)
            if self.encryption is not None:
                self.encryption.verify_encryption(self.did, directory)
            if self.inbox is not None:
                self.inbox.verify_inbox(self.did, registry)

    @property
    def text(self) -> bytes:
        """The RFC 8785 bytes."""
        members = _members(self.did, self.name, self.encryption, self.inbox)
        return canonical({**members, "signature": hexed(self.signature)})


def parse_card(raw: bytes | str) -> Card:
    """The card of which `raw` is the canonical text, not verified yet.

    Raises:
        InvalidInput: not canonical, a member too many, or a value out of form.
        TooLarge: more than 16 KiB.
    """
    optional = frozenset({"name", "encryption", "inbox"})
    members = parse_text(raw, FORMAT, {"did", "signature"}, optional)
    name, encryption, inbox = (members.get(key) for key in ("name", "encryption", "inbox"))
    return Card(
        did=Did(text(members["did"])),
        name=None if name is None else text(name),
        encryption=None if encryption is None else VouchedKey.from_json(encryption, "version"),
        inbox=None if inbox is None else VouchedKey.from_json(inbox, "epoch"),
        signature=unhex(text(members["signature"])),
    )


def _members(
    did: Did, name: str | None, encryption: VouchedKey | None, inbox: VouchedKey | None
) -> dict[str, Any]:
    members: dict[str, Any] = {"format": FORMAT, "did": did}
    if name is not None:
        members["name"] = name
    if encryption is not None:
        members["encryption"] = encryption.to_json("version")
    if inbox is not None:
        members["inbox"] = inbox.to_json("epoch")
    return members
