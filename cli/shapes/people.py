"""Answers about identities, contacts, settings."""

from cli.shapes.base import Part, Shape


class IdentityShown(Shape, frozen=True, kw_only=True):
    """One profile's identity, as it may be known to others."""

    profile: str
    account: str
    keystore: str
    did: str | None = None
    next_controller: int | None = None


class IdentityCard(Shape, frozen=True, kw_only=True):
    """A signed contact card in its canonical text."""

    did: str
    card: str


class ContactPart(Part, frozen=True, kw_only=True):
    """Somebody under a local name."""

    name: str
    did: str
    own_name: str | None = None
    has_encryption_key: bool
    has_inbox_key: bool


class ContactShown(Shape, frozen=True, kw_only=True):
    """One contact."""

    contact: ContactPart


class ContactList(Shape, frozen=True, kw_only=True):
    """All contacts, by name."""

    contacts: list[ContactPart]


class SettingPart(Part, frozen=True, kw_only=True):
    """One setting and where its value comes from: flag, environment, profile or default."""

    key: str
    value: str
    origin: str


class ConfigShown(Shape, frozen=True, kw_only=True):
    """Settings in force."""

    settings: list[SettingPart]
