"""Taking a contact's card."""

from ledger.client.config import Config
from ledger.client.home import ProfileDir
from ledger.errors import InvalidInput
from ledger.ids import parse_did
from ledger.parties import Card, parse_card


def take_card(profile: ProfileDir, config: Config, name: str, raw: bytes) -> Card:
    """Verify a card and keep it under `name`.

    Raises:
        InvalidInput: not a card, of another chain, or not a contact name.
        SignatureInvalid: not signed by the account that it names.
        Conflict: the name stands for somebody else.
    """
    card = parse_card(raw.strip())
    deployment = config.deployment
    if parse_did(card.did)[0] != deployment.chain_id:
        raise InvalidInput(
            "the card is for another chain",
            reason="other_chain",
            fix="Ask for a card made on this network: consent identity show --card",
        )
    card.verify(directory=deployment.directory, registry=deployment.registry)
    profile.save_contacts(profile.contacts().add(name, card))
    return card
