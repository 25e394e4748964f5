"""`consent network`: the networks that have a name, and whether a node is good enough."""

from pathlib import Path
from typing import Annotated

import typer

from cli.exits import Exit
from cli.groups import command, make_group
from cli.session import of
from cli.shapes.network import NetworkKnown, NetworksListed
from cli.surveying import survey
from cli.views import network as view

app = make_group("network", "The networks, and whether a node is good enough to depend on.")


@command(app, "list")
def list_(context: typer.Context) -> None:
    """Show the networks that have a name here, and the limits by which each is read.

    Any other network is named by the URL of one of its nodes.

    Example:
      consent network list
    """
    from ledger.chain.networks import NETWORKS

    shape = NetworksListed(
        networks=[
            NetworkKnown(**{name: getattr(one, name) for name in NetworkKnown.__struct_fields__})
            for one in NETWORKS
        ]
    )
    of(context).output.result(shape, view.listed_text(shape))


@command(app)
def check(
    context: typer.Context,
    urls: Annotated[
        list[str] | None, typer.Argument(metavar="[URL]...", help="Of nodes; else --rpc or your profile's.")
    ] = None,
    network: Annotated[
        str | None, typer.Option(metavar="NAME", help="What they are to be of: devnet, sepolia, hoodi.")
    ] = None,
    deployment: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The contracts whose events they are to have.")
    ] = None,
) -> None:
    """Ask nodes what a gateway will ask them, before one depends on it; nothing is sent to the chain.

    It looks at chain, head, what is final, how far back blocks, events and states go, how many blocks and
    calls a request may have, transactions and fees; of several nodes also at whether they agree. The exit
    code is 3 if one does not answer, is unfit or contradicts another.

    Examples:
      consent network check http://127.0.0.1:8545
      consent network check https://one.example https://two.example --network sepolia
    """
    session = of(context)
    shape = survey(session, urls or [], network=network, deployment=deployment)
    session.output.result(shape, view.checked_text(shape))
    if not shape.ok:
        raise typer.Exit(Exit.RETRY)
