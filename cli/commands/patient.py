"""`consent patient`: what a patient may want to know."""

import typer

from cli import listing
from cli.groups import command, make_group
from cli.session import of
from cli.shapes.consents import PatientEnrolled
from cli.views import requests as view

app = make_group("patient", "What you may want to know about your records.")


@command(app)
def enrol(context: typer.Context) -> None:
    """Become known to the gateway, so that providers can ask you. Other commands do it by themselves.

    Example:
      consent -p alice patient enrol
    """
    session = of(context)
    with session.desk() as desk:
        shape = PatientEnrolled(patient=desk.enrolled().did, gateway=desk.config.gateway)
    session.output.result(shape, f"{shape.gateway} knows you now as {shape.patient}.")


@command(app)
def history(context: typer.Context) -> None:
    """Show who asked for your records, what was decided, and what they were given.

    Example:
      consent -p alice patient history
    """
    session = of(context)
    with session.desk() as desk:
        shape = listing.history(desk)
    session.output.result(shape, view.history_text(shape))
