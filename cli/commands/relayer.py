"""`consent relayer`: what an operator does about the acts on their way to the chain."""

from pathlib import Path
from typing import Annotated

import typer

from cli import relaying
from cli.groups import command, make_group
from cli.params import State
from cli.session import of
from cli.views import relayer as view

app = make_group("relayer", "See what a gateway sends to the chain, hold it back, let it go on.")

Contracts = Annotated[
    Path | None,
    typer.Option("--deployment", metavar="FILE", help="Chain and contracts [env: CONSENT_DEPLOYMENT]."),
]


@command(app)
def status(context: typer.Context, state: State = None, deployment: Contracts = None) -> None:
    """Show account, balance, nonces and fees, what is on its way, and what is at fault.

    It reads the gateway's database and asks the node. The gateway may run or not.

    Examples:
      consent relayer status
      consent relayer status --state /var/lib/consent --deployment deployment.json --rpc http://127.0.0.1:8545
    """
    session = of(context)
    with relaying.opened(session, state, deployment) as desk:
        shape = relaying.status(desk)
    session.output.result(shape, view.status_text(shape))


@command(app)
def drain(context: typer.Context, state: State = None, deployment: Contracts = None) -> None:
    """Send nothing new but stops, until 'consent relayer resume'.

    What is sent already is brought to its end. It holds over a restart; a running gateway obeys at once.

    Examples:
      consent relayer drain
      consent relayer drain --state /var/lib/consent --deployment deployment.json --rpc http://127.0.0.1:8545
    """
    session = of(context)
    with relaying.opened(session, state, deployment) as desk:
        shape = relaying.drain(desk)
    session.output.result(shape, view.drained_text(shape))


@command(app)
def resume(
    context: typer.Context,
    state: State = None,
    deployment: Contracts = None,
    new_chain: Annotated[
        bool, typer.Option("--new-chain", help="The chain was begun anew, and is to be served.")
    ] = False,
) -> None:
    """Send everything again, and acknowledge that the key was used by somebody else.

    Examples:
      consent relayer resume
      consent relayer resume --new-chain
    """
    session = of(context)
    with relaying.opened(session, state, deployment) as desk:
        shape = relaying.resume(desk, new_chain=new_chain)
    session.output.result(shape, view.resumed_text(shape))
