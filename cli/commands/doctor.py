"""`consent doctor`: does everything that this profile depends on answer?"""

import typer

from cli.exits import Exit
from cli.session import of
from cli.shapes.stack import CheckPart, HealthReport
from cli.views import stack as view


def doctor(context: typer.Context) -> None:
    """Ask the gateway and the chain whether they are well.

    Example:
      consent --profile alice doctor
    """
    from ledger.client import health

    session = of(context)
    checks = [
        CheckPart(name=check.name, ok=check.ok, detail=check.detail)
        for check in health.examine(session.config)
    ]
    shape = HealthReport(ok=all(check.ok for check in checks), checks=checks)
    session.output.result(shape, view.health_text(shape))
    if not shape.ok:
        raise typer.Exit(Exit.RETRY)
