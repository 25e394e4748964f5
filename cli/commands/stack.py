"""`consent up` and `consent serve`: what stays running."""

import gc
import os
from pathlib import Path
from typing import Annotated

import typer

from cli.params import Blocks, BlocksFactor, BlocksTokenFile, SettingsFile, State
from cli.running import told_to_stop
from cli.session import of
from cli.shapes.stack import GatewayServed, StackUp
from cli.views import stack as view


def up(
    context: typer.Context,
    state: State = None,
    port: Annotated[int, typer.Option(metavar="PORT", help="The gateway's; 0 takes a free one.")] = 8440,
    rpc_port: Annotated[int, typer.Option(metavar="PORT", help="The chain's; 0 takes a free one.")] = 8545,
    blocks: Blocks = None,
    blocks_factor: BlocksFactor = None,
    blocks_token_file: BlocksTokenFile = None,
) -> None:
    """Run a chain, its contracts and a gateway on this machine until Ctrl-C.

    All of it is kept in a directory and goes on where it ended. New profiles find its network by themselves.

    Examples:
      consent up
      consent up --state ./state --port 0 --rpc-port 0
      consent up --blocks http://127.0.0.1:5001
    """
    from api.stack import Stack

    session = of(context)
    session.output.talk("Starting chain, contracts and gateway ...")
    made = Stack(
        state or session.home.stack,
        port=port,
        rpc_port=rpc_port,
        blocks=blocks or os.environ.get("CONSENT_BLOCKS", ""),
        blocks_factor=blocks_factor,
        blocks_token_file=blocks_token_file,
    )
    with told_to_stop() as told, made as stack:
        shape = StackUp(
            gateway=stack.url,
            rpc=stack.rpc_url,
            network=str(stack.network.absolute()),
            accreditor_key=str(stack.accreditor_key.absolute()),
        )
        found = stack.network.resolve() == session.home.network.resolve()
        session.output.result(shape, view.stack_text(shape, found=found))
        _settle()
        told.wait()
        session.output.talk("Stopping ...")


def serve(
    context: typer.Context,
    settings_file: SettingsFile = None,
    state: State = None,
    deployment: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Chain and contracts [env: CONSENT_DEPLOYMENT].")
    ] = None,
    host: Annotated[
        str | None, typer.Option(metavar="HOST", help="Where to listen [env: CONSENT_HOST].")
    ] = None,
    port: Annotated[
        int | None, typer.Option(metavar="PORT", help="On which port [env: CONSENT_PORT].")
    ] = None,
    blocks: Blocks = None,
    blocks_factor: BlocksFactor = None,
    blocks_token_file: BlocksTokenFile = None,
) -> None:
    """Run a gateway for a chain that is there already, until Ctrl-C.

    Settings come from flags, variables CONSENT_* and a file; see: consent gateway settings. Told to stop, it
    finishes what is under way; told twice, it ends at once.

    Examples:
      consent serve --settings /etc/consent/settings.toml
      consent serve --state /var/lib/consent --deployment deployment.json --rpc http://127.0.0.1:8545
    """
    from api.server import Server
    from cli.serving import gateway_settings

    session = of(context)
    settings = gateway_settings(
        session.home.stack,
        file=settings_file,
        state=state,
        rpc=session.given.rpc,
        deployment=deployment,
        host=host,
        port=port,
        blocks=blocks,
        blocks_factor=blocks_factor,
        blocks_token_file=blocks_token_file,
    )
    with told_to_stop() as told, Server(settings) as server:
        shape = GatewayServed(gateway=server.url, state=str(settings.state))
        session.output.result(shape, f"The gateway answers at {shape.gateway}. Stop it with Ctrl-C.")
        _settle()
        told.wait()
        session.output.talk("Stopping ...")


def _settle() -> None:
    """Spare callers the pauses in which the collector looks again at what was made at the start and stays."""
    gc.collect()
    gc.freeze()
