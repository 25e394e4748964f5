"""`consent inbox`: what waits for you, and what happened."""

from typing import Annotated

import typer

from cli import listing
from cli.session import now, of
from cli.times import parse_since
from cli.views import inbox as view


def inbox(
    context: typer.Context,
    since: Annotated[
        str | None, typer.Option(metavar="WHEN", help="News since then: 7d, 2w or a date. Else of 30 days.")
    ] = None,
) -> None:
    """Show what waits for your answer, what is under way, and what happened.

    Examples:
      consent inbox
      consent -p clinic inbox --since 7d
    """
    session = of(context)
    with session.desk() as desk:
        shape = listing.inbox(desk, None if since is None else parse_since(since, now().astimezone()))
    session.output.result(shape, view.inbox_text(shape))
