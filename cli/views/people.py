"""Identities, contacts and settings."""

from typing import TYPE_CHECKING

from cli.shapes.consents import PersonPart
from cli.shapes.people import ContactPart, IdentityShown, SettingPart
from cli.views.text import plain, table

if TYPE_CHECKING:
    from ledger.client.home import ProfileDir
    from ledger.ids import Did
    from ledger.parties import Card


def person_text(person: PersonPart) -> str:
    """The name, or the did of somebody without one."""
    return plain(person.name or person.did)


def identity_shape(profile: "ProfileDir", did: "Did | None") -> IdentityShown:
    """What may be known of a profile's identity."""
    return IdentityShown(
        profile=profile.name, account=profile.account(), keystore=str(profile.keystore), did=did
    )


def identity_text(shown: IdentityShown) -> str:
    """Profile, account and keystore."""
    rows = [("profile", shown.profile), ("account", shown.account), ("keystore", shown.keystore)]
    return table([*rows, ("did", shown.did or "none yet. Name a network: consent config set network FILE")])


def words_block(words: str) -> str:
    """24 words to write down, four in a line."""
    numbered = [f"{place:>2} {word:<9}" for place, word in enumerate(words.split(), 1)]
    lines = ["  ".join(numbered[start : start + 4]).rstrip() for start in range(0, len(numbered), 4)]
    return "\n".join(
        [
            "",
            "Write these 24 words on paper. Whoever has them is you; without them nobody is.",
            "",
            *lines,
            "",
        ]
    )


def contact_part(name: str, card: "Card") -> ContactPart:
    """One contact as data."""
    return ContactPart(
        name=name,
        did=card.did,
        own_name=card.name,
        has_encryption_key=card.encryption is not None,
        has_inbox_key=card.inbox is not None,
    )


def contact_text(part: ContactPart) -> str:
    """One contact."""
    called = f' ("{part.own_name}")' if part.own_name else ""
    return f"{part.name}{called}  {part.did}"


def contacts_text(parts: list[ContactPart]) -> str:
    """All contacts, one a line."""
    if not parts:
        return "No contacts yet. Take somebody's card with: consent contact add NAME CARD"
    return table([(part.name, part.own_name or "", part.did) for part in parts])


def settings_text(settings: list[SettingPart], *, key: str | None, show_origin: bool) -> str:
    """Settings, with their origin if asked for; the bare value if one was named."""
    if key is not None and not show_origin:
        return settings[0].value
    if show_origin:
        return table([(setting.key, setting.value, setting.origin) for setting in settings])
    return table([(setting.key, setting.value) for setting in settings])
