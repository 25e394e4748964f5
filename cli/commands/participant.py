"""`consent participant`: who is admitted, and how."""

from pathlib import Path
from typing import Annotated

import typer

from cli import admitting, changing
from cli.groups import command, make_group
from cli.inputs import read_source
from cli.session import of
from cli.shapes.consents import ApplicationMade, ParticipantList, ParticipantShown
from cli.views import requests as view

app = make_group("participant", "Providers, auditors and gateways in the public directory.")

APPLICATION_LIMIT = 16 * 1024
Key = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The accreditor's key; by default that of 'consent up'.")
]
Person = Annotated[str, typer.Argument(metavar="PERSON", help="A public name, a contact, an account.")]


@command(app)
def apply(
    context: typer.Context,
    name: Annotated[str, typer.Option(metavar="TEXT", help="Your public name: what patients read.")],
    role: Annotated[list[str], typer.Option(metavar="ROLE", help="provider, auditor or gateway.")],
    kind: Annotated[
        str, typer.Option(metavar="KIND", help="person, organisation or service.")
    ] = "organisation",
) -> None:
    """Write a signed application, with your encryption key, for an accreditor.

    Examples:
      consent -p clinic participant apply --name "City Hospital" --role provider > clinic.application
      consent -p auditor participant apply --name "Ada Audit" --role auditor --kind person > ada.application
    """
    from ledger.client.applying import apply_for

    session = of(context)
    made = apply_for(session.identity(), session.config, name=name, kind=kind, roles=role)
    shape = ApplicationMade(
        did=made.profile.participant, name=name, roles=made.roles.words, application=made.text.decode()
    )
    session.output.result(shape, shape.application)


@command(app)
def admit(
    context: typer.Context,
    application: Annotated[Path, typer.Argument(metavar="FILE", help="The application; - is stdin.")],
    key: Key = None,
) -> None:
    """Put a participant's role, profile and key into the directory on chain. For accreditors.

    Check that the application is from whom it says: patients will read that name.

    Examples:
      consent participant admit clinic.application --yes
      consent participant admit clinic.application --key accreditor.key
    """
    session = of(context)
    accreditor = admitting.accreditor(session, key)
    read = accreditor.read(read_source(application, limit=APPLICATION_LIMIT))
    session.confirm(
        f'Admit "{read.profile.name}" ({read.profile.participant}) as {", ".join(read.roles.words)}?'
    )
    shape = admitting.changed(read.profile.participant, "admitted", accreditor.admit(read), read)
    session.output.result(shape, admitting.changed_text(shape))


@command(app)
def suspend(context: typer.Context, person: Person, key: Key = None) -> None:
    """Suspend a participant: from then on nothing is permitted to them. For accreditors.

    Example:
      consent participant suspend "City Hospital" --yes
    """
    session = of(context)
    with session.people() as people:
        did = people.resolve(person)
    session.confirm(f"Suspend {person} ({did})?")
    shape = admitting.changed(did, "suspended", admitting.accreditor(session, key).suspend(did))
    session.output.result(shape, admitting.changed_text(shape))


@command(app)
def reinstate(context: typer.Context, person: Person, key: Key = None) -> None:
    """End a suspension. For accreditors.

    Example:
      consent participant reinstate "City Hospital" --yes
    """
    session = of(context)
    with session.people() as people:
        did = people.resolve(person)
    session.confirm(f"Reinstate {person} ({did})?")
    shape = admitting.changed(did, "reinstated", admitting.accreditor(session, key).reinstate(did))
    session.output.result(shape, admitting.changed_text(shape))


@command(app, "list")
def list_(context: typer.Context) -> None:
    """Show who is admitted, as the chain has it.

    Example:
      consent participant list
    """
    session = of(context)
    with session.people() as people:
        parts = [view.participant_part(one) for one in people.listing()]
    session.output.result(ParticipantList(participants=parts), view.participants_text(parts))


@command(app)
def show(context: typer.Context, person: Person) -> None:
    """Show one participant, as the chain has it.

    Example:
      consent participant show "City Hospital"
    """
    session = of(context)
    with session.people() as people:
        part = admitting.participant(people, person)
    session.output.result(ParticipantShown(participant=part), view.participants_text([part]))


@command(app)
def identify(
    context: typer.Context,
    change: Annotated[
        Path, typer.Argument(metavar="FILE", help="The patient's text; - is stdin.", allow_dash=True)
    ],
) -> None:
    """Sign that a patient who changes their keys stands before you, and is who they say. For providers.

    Example:
      consent -p clinic participant identify alice.change > alice.identified
    """
    session = of(context)
    shape = changing.identify(session, change)
    session.output.result(shape, shape.change)
