"""`consent identity`: 24 words and what follows from them."""

from pathlib import Path
from typing import Annotated

import typer

from cli import changing, prompts
from cli.groups import command, make_group
from cli.session import of
from cli.shapes.people import IdentityCard
from cli.views import people as view

app = make_group("identity", "Your 24 words, and the account that follows from them.")

Network = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The network to use; by default the one that 'consent up' made."),
]
WorkFactor = Annotated[
    int, typer.Option(min=14, max=22, help="How slow guessing the passphrase is: log2 of scrypt's N.")
]


@command(app)
def create(
    context: typer.Context,
    network: Network = None,
    words_to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the words here instead of showing them.")
    ] = None,
    work_factor: WorkFactor = 17,
) -> None:
    """Make a new identity and keep it under a passphrase.

    The 24 words are shown once. Write them on paper: they are the only way back. They are shown at a terminal
    only; without one, name a file for them with --words-to.

    Examples:
      consent --profile alice identity create
      consent -p clinic identity create --network network.json --words-to clinic.words
    """
    from ledger.client import identities

    session = of(context)
    if words_to is None:
        prompts.require_reader()
    passphrase = prompts.passphrase(session.given, "A new passphrase", new=True)
    made = identities.create(
        session.home, session.profile, passphrase, network=network, words_to=words_to, work_factor=work_factor
    )
    if words_to is None:
        session.output.show(view.words_block(made.words), asked=True)
    shape = view.identity_shape(session.profile, made.did)
    session.output.result(shape, view.identity_text(shape))


@command(app)
def restore(
    context: typer.Context,
    network: Network = None,
    words_from: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Read the words here; - is stdin.")
    ] = None,
    work_factor: WorkFactor = 17,
) -> None:
    """Bring an identity back from its 24 words.

    The words bring back keys, not documents: receipts and texts come from your own copies.

    Examples:
      consent --profile alice identity restore
      consent -p alice identity restore --words-from alice.words
    """
    from ledger.client import identities

    session = of(context)
    words = prompts.words(session.given, words_from)
    passphrase = prompts.passphrase(session.given, "A new passphrase", new=True)
    made = identities.restore(
        session.home, session.profile, passphrase, words=words, network=network, work_factor=work_factor
    )
    shape = view.identity_shape(session.profile, made.did)
    session.output.result(shape, view.identity_text(shape))


@command(app)
def show(
    context: typer.Context,
    card: Annotated[bool, typer.Option("--card", help="Write a signed contact card.")] = False,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="The name on the card.")] = None,
) -> None:
    """Show your account, or write the card that others take as a contact.

    Examples:
      consent --profile alice identity show
      consent -p alice identity show --card --name "Alice Example" > alice.card
    """
    from ledger.client import identities

    session = of(context)
    if card:
        made = identities.make_card(session.profile, session.config, session.identity(), name)
        text = made.text.decode()
        session.output.result(IdentityCard(did=made.did, card=text), text)
        return
    shape = view.identity_shape(session.profile, identities.did_of_profile(session.profile))
    session.output.result(shape, view.identity_text(shape))


@command(app)
def change(
    context: typer.Context,
    identified: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The text with the provider's name on it.")
    ] = None,
    words_to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the new words here instead of showing them.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change; no more.")] = False,
    work_factor: WorkFactor = 17,
) -> None:
    """Change your keys, because somebody else may know your words.

    First it makes new words, and a text for a clinic that knows you. They meet you, and sign it. With that
    text the same command gives up the old words for good, locks your records anew, and signs your choices
    again. If it breaks off, run it again: it goes on where it was.

    Examples:
      consent -p alice identity change --words-to alice.new > alice.change
      consent -p alice identity change --identified alice.identified --dry-run
      consent -p alice identity change --identified alice.identified
    """
    session = of(context)
    wish = changing.Wish(identified=identified, words_to=words_to, dry_run=dry_run, work_factor=work_factor)
    session.output.result(*changing.change(session, wish))
