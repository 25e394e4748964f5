"""`consent contact`: the people you know, kept on your own disk."""

from pathlib import Path
from typing import Annotated

import typer

from cli.groups import command, make_group
from cli.inputs import read_source
from cli.session import of
from cli.shapes.people import ContactList, ContactShown
from cli.views import people as view

app = make_group("contact", "People you know, by the names you give them. Kept on your own disk only.")

CARD_LIMIT = 16 * 1024

Name = Annotated[str, typer.Argument(metavar="NAME", help="Your name for them, in lower case.")]


@command(app)
def add(
    context: typer.Context,
    name: Name,
    card: Annotated[Path, typer.Argument(metavar="CARD", help="The file with their card; - is stdin.")],
) -> None:
    """Keep somebody's card under a name of yours.

    Take the card from them in person. It proves their account; that it is theirs is for you to know.

    Examples:
      consent contact add alice alice.card
      consent -p clinic contact add alice - < alice.card
    """
    from ledger.client import people

    session = of(context)
    taken = people.take_card(session.profile, session.config, name, read_source(card, limit=CARD_LIMIT))
    shape = ContactShown(contact=view.contact_part(name, taken))
    session.output.result(shape, view.contact_text(shape.contact))


@command(app, "list")
def list_(context: typer.Context) -> None:
    """Show everybody you know.

    Example:
      consent contact list
    """
    session = of(context)
    parts = [view.contact_part(name, card) for name, card in session.profile.contacts()]
    session.output.result(ContactList(contacts=parts), view.contacts_text(parts))


@command(app)
def show(context: typer.Context, name: Name) -> None:
    """Show one person's card.

    Example:
      consent contact show clinic
    """
    session = of(context)
    part = view.contact_part(name, session.profile.contacts().get(name))
    session.output.result(ContactShown(contact=part), view.contact_text(part))


@command(app)
def remove(context: typer.Context, name: Name) -> None:
    """Forget somebody. What you shared with them stays as it is.

    Example:
      consent contact remove clinic
    """
    session = of(context)
    contacts = session.profile.contacts()
    part = view.contact_part(name, contacts.get(name))
    session.confirm_typed(f"{name} ({part.did}) will be forgotten.", name)
    session.profile.save_contacts(contacts.remove(name))
    session.output.result(ContactShown(contact=part), f"Forgotten: {name}")
