"""`consent gateway`: an operator's preparations."""

from typing import Annotated

import typer

from cli.groups import command, make_group
from cli.params import State
from cli.session import of
from cli.shapes.consents import ApplicationMade
from cli.shapes.stack import GatewayKeysMade
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
