"""`consent gateway`: an operator's preparations."""

from pathlib import Path
from typing import Annotated

import typer

from cli import erasing
from cli.groups import command, make_group
from cli.params import State
from cli.session import of
from cli.shapes.consents import ApplicationMade
from cli.shapes.stack import GatewayKeysMade
from cli.views import erasing as erasing_view
from cli.views import stack as view

app = make_group("gateway", "Prepare a gateway. Run it with 'consent serve', or with a chain: 'consent up'.")


@command(app)
def init(context: typer.Context, state: State = None) -> None:
    """Make the gateway's four secret files. Those that are there stay as they are.

    Back up log.key and relayer.key. Never keep data.key in one place with the database.

    Examples:
      consent gateway init
      consent gateway init --state /var/lib/consent
    """
    from ledger.service.keys import NAMES, GatewayKeys

    session = of(context)
    directory = (state or session.home.stack) / "keys"
    keys = GatewayKeys.create(directory)
    shape = GatewayKeysMade(
        directory=str(directory),
        account=keys.relayer.address,
        files=[str(directory / name) for name in NAMES],
    )
    session.output.result(shape, view.gateway_keys_text(shape))


@command(app)
def apply(
    context: typer.Context,
    name: Annotated[str, typer.Option(metavar="TEXT", help="The gateway's public name.")],
    state: State = None,
) -> None:
    """Write the gateway's signed application to the directory, for an accreditor.

    Auditors accept a log only of a gateway that is admitted.

    Example:
      consent gateway apply --name "City gateway" > gateway.application
    """
    from ledger.client.applying import apply_as_gateway
    from ledger.service.keys import GatewayKeys

    session = of(context)
    keys = GatewayKeys.load((state or session.home.stack) / "keys")
    made = apply_as_gateway(keys.relayer, session.config, name=name)
    shape = ApplicationMade(
        did=made.profile.participant, name=name, roles=made.roles.words, application=made.text.decode()
    )
    session.output.result(shape, shape.application)


@command(app)
def erase(
    context: typer.Context,
    patient: Annotated[str, typer.Argument(metavar="DID", help="Whom, in full.")],
    order: Annotated[str, typer.Option(metavar="TEXT", help="The legal order by name: court and number.")],
    confirm: Annotated[
        str | None, typer.Option(metavar="DID", help="The same, where nobody can type it.")
    ] = None,
    state: State = None,
    deployment: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Chain and contracts [env: CONSENT_DEPLOYMENT].")
    ] = None,
) -> None:
    """Erase a patient because a legal order says so, while the gateway is stopped.

    The order's name goes into the log, where auditors count such erasures apart; so it should name nobody.
    What is on chain stays: only the patient could end it there.

    Example:
      consent gateway erase did:pkh:eip155:1:0x4fd8... --order "Court of Appeal 12/2026"
    """
    from cli.serving import gateway_settings

    session = of(context)
    settings = gateway_settings(session.home.stack, state=state, rpc=session.given.rpc, deployment=deployment)
    shape = erasing.by_order(session, settings, patient, order=order, confirmed=confirm)
    session.output.result(shape, erasing_view.ordered_text(shape))
