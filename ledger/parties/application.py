"""A profile on its way to an accreditor, with the roles that are asked for.

::

    {"format":"consent-ledger/application/1","profile":"<canonical text>","roles":["provider"],
     "signature":"0x…"}

The participant signs ``I apply to the Consent Ledger participant directory. SHA-256: 0x…`` (EIP-191), the
hash being that of the text without ``signature``.
"""

from dataclasses import dataclass
from typing import Any, Self

from ledger.canonical import canonical, hexed, unhex
from ledger.crypto.identity import Account
from ledger.errors import InvalidInput
from ledger.ids import Address
from ledger.parties.profile import Profile, Role, parse_profile
from ledger.parties.text import handed_over, parse_text, sign_text, text, verify_text

FORMAT = "consent-ledger/application/1"
_SENTENCE = "I apply to the Consent Ledger participant directory. SHA-256: {}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """What a participant hands to an accreditor."""

    profile: Profile
    roles: Role
    signature: bytes

    @classmethod
    def sign(cls, profile: Profile, roles: Role, account: Account) -> Self:
        """The application of the holder of `account`."""
        signature = sign_text(_SENTENCE, _members(profile, roles), account)
        return cls(profile=profile, roles=roles, signature=signature)

    def verify(self, directory: Address) -> None:
        """Check that the participant signed this application and vouches for its encryption key.

        Raises:
            SignatureInvalid: another account signed, or something else was signed.
            InvalidInput: a provider without an encryption key: nothing could be sealed to it.
        """
        members = _members(self.profile, self.roles)
        with handed_over("application"):
            verify_text(_SENTENCE, members, self.signature, self.profile.participant)
            self.profile.verify(directory)
        if Role.PROVIDER in self.roles and self.profile.encryption is None:
            raise InvalidInput(
                "a provider's profile names an encryption key", reason="encryption_key_missing"
            )

    @property
    def text(self) -> bytes:
        """The RFC 8785 bytes."""
        return canonical({**_members(self.profile, self.roles), "signature": hexed(self.signature)})


def parse_application(raw: bytes | str) -> Application:
    """The application of which `raw` is the canonical text, not verified yet.

    Raises:
        InvalidInput: not canonical, a member too many, or a value out of form.
        TooLarge: more than 16 KiB.
    """
    members = parse_text(raw, FORMAT, {"profile", "roles", "signature"})
    if not isinstance(members["roles"], list):
        raise InvalidInput("the roles are a list of words", reason="bad_role")
    application = Application(
        profile=parse_profile(text(members["profile"])),
        roles=Role.of([text(role) for role in members["roles"]]),
        signature=unhex(text(members["signature"])),
    )
    if application.roles.words != members["roles"]:
        raise InvalidInput("the roles are named in their order", reason="bad_role")
    return application


def _members(profile: Profile, roles: Role) -> dict[str, Any]:
    return {"format": FORMAT, "profile": profile.text.decode(), "roles": roles.words}
