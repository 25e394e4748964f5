"""`consent doctor`: does everything that this profile, or this machine's gateway, depends on answer?"""

from typing import Annotated

import typer

from cli.exits import Exit
from cli.params import SettingsFile, State
from cli.session import of
from cli.shapes.stack import CheckPart, HealthReport
from cli.views import stack as view


def doctor(
    context: typer.Context,
    operator: Annotated[bool, typer.Option("--operator", help="The gateway of this machine.")] = False,
    settings_file: SettingsFile = None,
    state: State = None,
) -> None:
    """Ask the gateway and the chain whether they are well; as an operator, all that a gateway depends on.

    For an operator: settings, keys, disk, database and tables, nodes and clock, relayer, block stores,
    anchors, reviews that are overdue, and how old the backups are.

    Examples:
      consent --profile alice doctor
      consent doctor --operator --settings /etc/consent/settings.toml
    """
    from ledger.client import health

    session = of(context)
    if operator:
        from api.checkup import examine_gateway
        from cli.serving import operated

        found = examine_gateway(operated(session, state=state, file=settings_file).settings)
    else:
        found = health.examine(session.config)
    checks = [CheckPart(name=check.name, ok=check.ok, detail=check.detail) for check in found]
    shape = HealthReport(ok=all(check.ok for check in checks), checks=checks)
    session.output.result(shape, view.health_text(shape))
    if not shape.ok:
        raise typer.Exit(Exit.RETRY)
