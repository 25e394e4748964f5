"""`consent request`: a provider asks, a patient answers."""

from typing import Annotated

import typer

from cli import answering, granting, listing
from cli.granting import Wait
from cli.groups import command, make_group
from cli.params import Action, Classes, DryRun, Excepted, Patient, Purposes, Until, Waiting
from cli.session import now, of
from cli.shapes.consents import RequestDeclined, RequestSent, RequestShown, RequestWithdrawn
from cli.times import parse_until
from cli.views import requests as view

app = make_group("request", "A provider asks for records; the patient says yes or no.")

Request = Annotated[str, typer.Argument(metavar="REQUEST", help="Its id, or the first 6 characters or more.")]


@command(app)
def send(
    context: typer.Context,
    patient: Patient,
    purpose: Purposes = None,
    record_class: Classes = None,
    action: Action = "access",
    until: Until = None,
    expires: Annotated[str, typer.Option(metavar="WHEN", help="Until when an answer counts.")] = "30d",
    note: Annotated[str, typer.Option(metavar="TEXT", help="A few words to the patient.")] = "",
) -> None:
    """Ask a patient to share records with you.

    Examples:
      consent -p clinic request send alice --purpose TREAT --class labs --until 90d
      consent -p clinic request send alice --purpose TREAT --note "For your visit on Monday"
    """
    session, at = of(context), now().astimezone()
    with session.desk() as desk:
        sent = desk.provider.request_consent(
            desk.people.resolve(patient),
            purposes=purpose or (),
            classes=record_class or (),
            action=action,
            expires=parse_until(expires, at),
            until=None if until is None else parse_until(until, at.replace(second=0, microsecond=0)),
            note=note,
        )
    shape = RequestSent(request=sent.request, state=sent.state, log_index=sent.index)
    session.output.result(shape, f"Asked. Request {sent.request}, log entry {sent.index}.")


@command(app)
def renew(
    context: typer.Context,
    consent: Annotated[str, typer.Argument(metavar="CONSENT", help="Its id, or the first 6 characters.")],
    until: Annotated[str, typer.Option("--until", metavar="WHEN", help="The new end: 90d, 1y or a date.")],
    expires: Annotated[str, typer.Option(metavar="WHEN", help="Until when an answer counts.")] = "30d",
    note: Annotated[str, typer.Option(metavar="TEXT", help="A few words to the patient.")] = "",
) -> None:
    """Ask a patient to go on with what they share with you, as it is, before or after its end.

    Example:
      consent -p clinic request renew 0x7c1f0a --until 1y
    """
    session, at = of(context), now().astimezone()
    with session.desk() as desk:
        sent = desk.provider.renew(
            listing.consent_id(desk, consent),
            until=parse_until(until, at.replace(second=0, microsecond=0)),
            expires=parse_until(expires, at),
            note=note,
        )
    shape = RequestSent(request=sent.request, state=sent.state, log_index=sent.index)
    session.output.result(shape, f"Asked. Request {sent.request}, log entry {sent.index}.")


@command(app)
def withdraw(context: typer.Context, request: Request) -> None:
    """Take back what you asked and was not answered yet.

    Example:
      consent -p clinic request withdraw rq_7hq3k9
    """
    session = of(context)
    with session.desk() as desk:
        part = listing.request(desk, request)
        state = desk.gateway.withdraw(listing.request_id(part)).state
    session.output.result(RequestWithdrawn(request=part.request, state=state), "You took it back.")


@command(app, "list")
def list_(context: typer.Context) -> None:
    """Show what you were asked; for a provider, what you asked.

    Example:
      consent request list
    """
    session = of(context)
    with session.desk() as desk:
        shape = listing.requests(desk)
    session.output.result(shape, view.requests_text(shape))


@command(app)
def show(context: typer.Context, request: Request) -> None:
    """Show a request; for its patient, also what saying yes would mean.

    Example:
      consent request show rq_7hq3k9
    """
    session = of(context)
    with session.desk() as desk:
        part = listing.request(desk, request)
        shape, text = (
            answering.preview(desk, part)
            if part.patient.did == desk.did
            else (
                RequestShown(request=part),
                view.request_text(part, role="provider"),
            )
        )
    session.output.result(shape, text)


@command(app)
def approve(
    context: typer.Context,
    request: Request,
    record_class: Classes = None,
    except_: Excepted = None,
    until: Until = None,
    dry_run: DryRun = False,
    wait: Waiting = Wait.NONE,
) -> None:
    """Say yes to a request, or to a part of it. The full text is shown first.

    Examples:
      consent request approve rq_7hq3k9
      consent request approve rq_7hq3k9 --except PSY --until 30d
    """
    session = of(context)
    with session.desk() as desk:
        draft = answering.answer(
            desk,
            listing.request(desk, request),
            classes=record_class or (),
            excepted=except_ or (),
            until=until,
            at=now().astimezone(),
        )
        session.output.result(*granting.decide(session, desk, draft, wait=wait, dry_run=dry_run))


@command(app)
def decline(context: typer.Context, request: Request) -> None:
    """Say no to a request. Nothing is shared.

    Example:
      consent request decline rq_7hq3k9
    """
    session = of(context)
    with session.desk(urgent=True) as desk:
        part = listing.request(desk, request)
        session.output.talk(view.request_text(part))
        session.confirm("Say no to this?")
        shape = RequestDeclined(request=part.request, state=desk.patient.decline(listing.request_id(part)))
    session.output.result(shape, "You said no. Nothing is shared.")
