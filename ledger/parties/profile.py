"""A participant's public profile; the directory on chain holds the SHA-256 of its text.

::

    {"encryption":{"key":"<base64>","signature":"0x…","version":1},"format":"consent-ledger/profile/1",
     "kind":"organisation","name":"City Hospital","participant":"did:pkh:eip155:31337:0x…"}

``name`` is what patients read before they sign. ``encryption`` is what grants are sealed to; auditors and
gateways need none. The directory's own key digest and version say whether it is still the current one.
"""

from dataclasses import dataclass
from enum import IntFlag
from hashlib import sha256
from typing import Any, Self

from ledger.canonical import canonical
from ledger.consent.names import check_name
from ledger.errors import InvalidInput
from ledger.ids import Address, Did, parse_did
from ledger.parties.keys import VouchedKey
from ledger.parties.text import parse_text, text

FORMAT = "consent-ledger/profile/1"
KINDS = ("person", "organisation", "service")


class Role(IntFlag):
    """What a participant may do; the bits are those of the directory contract."""

    PROVIDER = 1
    GATEWAY = 2
    AUDITOR = 4

    @classmethod
    def of(cls, words: list[str]) -> Self:
        """The union of the roles named in lower case.

        Raises:
            InvalidInput: none, one twice, or an unknown one.
        """
        known = {str(role.name).lower(): role for role in cls}
        if not words or len(set(words)) != len(words) or not known.keys() >= set(words):
            raise InvalidInput(f"the roles are {', '.join(known)}, each at most once", reason="bad_role")
        return cls(sum(known[name] for name in words))

    @property
    def words(self) -> list[str]:
        """The names in lower case, in the order of the bits."""
        return [str(role.name).lower() for role in self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What the directory vouches for about a participant."""

    participant: Did
    name: str
    kind: str
    encryption: VouchedKey | None = None

    def __post_init__(self) -> None:
        """Refuse what a patient could not read, or nobody could parse again."""
        parse_did(self.participant)
        check_name(self.name)
        if self.kind not in KINDS:
            raise InvalidInput(f"the kind is one of {', '.join(KINDS)}", reason="bad_kind")

    @property
    def account(self) -> Address:
        """The participant's account."""
        return parse_did(self.participant)[1]

    @property
    def text(self) -> bytes:
        """The RFC 8785 bytes."""
        members: dict[str, Any] = {
            "format": FORMAT,
            "participant": self.participant,
            "name": self.name,
            "kind": self.kind,
        }
        if self.encryption is not None:
            members["encryption"] = self.encryption.to_json("version")
        return canonical(members)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the text, 32 bytes: what the directory holds."""
        return sha256(self.text).digest()

    def verify(self, directory: Address) -> None:
        """SignatureInvalid unless the participant vouches for the encryption key, if there is one."""
        if self.encryption is not None:
            self.encryption.verify_encryption(self.participant, directory)


def parse_profile(raw: bytes | str) -> Profile:
    """The profile of which `raw` is the canonical text; its key is not verified yet.

    Raises:
        InvalidInput: not canonical, a member too many, or a value out of form.
        TooLarge: more than 16 KiB.
    """
    members = parse_text(raw, FORMAT, {"participant", "name", "kind"}, frozenset({"encryption"}))
    encryption = members.get("encryption")
    return Profile(
        participant=Did(text(members["participant"])),
        name=text(members["name"]),
        kind=text(members["kind"]),
        encryption=None if encryption is None else VouchedKey.from_json(encryption, "version"),
    )
