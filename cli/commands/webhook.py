"""`consent webhook`: a provider's own programs hear of what happens."""

from typing import Annotated

import typer

from cli import hooking
from cli.exits import Exit
from cli.groups import command, make_group
from cli.params import Words
from cli.session import of
from cli.views import webhooks as view

app = make_group("webhook", "Tell a provider's own programs of what happens.")

Webhook = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Its id, or the first 6 characters or more.")]


@command(app)
def add(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where your program listens: https://…")],
    event: Annotated[Words, typer.Option(metavar="KIND", help="Only these, such as consent.revoked.")] = None,
) -> None:
    """Have a program of yours told of requests, consents and reviews: their ids, nothing else.

    Each message is signed by the gateway (RFC 9421), and sent until your program answers with 2xx, for three
    days at most. Its key is at /.well-known/consent-ledger-webhook-keys of the gateway.

    Examples:
      consent -p clinic webhook add https://hooks.hospital.example/consents
      consent -p clinic webhook add https://hooks.hospital.example/stops --event consent.revoked
    """
    session = of(context)
    with session.desk() as desk:
        shape = hooking.added(desk, url, event or ())
    session.output.result(shape, view.shown_text(shape))


@command(app, "list")
def list_(context: typer.Context) -> None:
    """Show your webhooks: last success, failures, and when the next try is.

    Example:
      consent -p clinic webhook list
    """
    session = of(context)
    with session.desk() as desk:
        shape = hooking.listed(desk)
    session.output.result(shape, view.list_text(shape))


@command(app)
def show(context: typer.Context, webhook: Webhook) -> None:
    """Show one webhook, and the events that your program never took.

    Example:
      consent -p clinic webhook show wh_7hq3k9
    """
    session = of(context)
    with session.desk() as desk:
        shape = hooking.shown(desk, webhook)
    session.output.result(shape, view.shown_text(shape))


@command(app)
def remove(context: typer.Context, webhook: Webhook) -> None:
    """Have a program told nothing more, also of what has happened and waits.

    Example:
      consent -p clinic webhook remove wh_7hq3k9
    """
    session = of(context)
    with session.desk() as desk:
        shape = hooking.removed(desk, webhook)
    session.output.result(shape, "It is told nothing more.")


@command(app)
def test(context: typer.Context, webhook: Webhook) -> None:
    """Have an event about nothing sent at once, and see whether your program takes it.

    Example:
      consent -p clinic webhook test wh_7hq3k9
    """
    session = of(context)
    with session.desk() as desk:
        shape = hooking.tested(desk, webhook)
    session.output.result(shape, view.tested_text(shape))
    if not shape.taken:
        raise typer.Exit(Exit.RETRY)
