"""`consent ipfs`: nodes that keep records."""

import os
from pathlib import Path
from typing import Annotated

import typer

from cli.exits import Exit
from cli.groups import command, make_group
from cli.params import BlocksTokenFile
from cli.session import of
from cli.shapes.ipfs import IpfsCommand, IpfsProfile
from cli.views import ipfs as view

app = make_group("ipfs", "Check the Kubo node that keeps records, or set one up.")

USUAL = "http://127.0.0.1:5001"


@command(app)
def check(
    context: typer.Context,
    url: Annotated[
        str | None, typer.Argument(metavar="[URL]", help="Of its RPC; else the first in CONSENT_BLOCKS.")
    ] = None,
    blocks_token_file: BlocksTokenFile = None,
) -> None:
    """Ask a Kubo node what it keeps, and refuse one that is open to others.

    Open is an RPC beyond this machine that asks for no token, a gateway beyond it, an RPC for web pages, or
    announcing in the public DHT. The exit code is then 10, and each finding has the command that ends it.

    Examples:
      consent ipfs check
      consent ipfs check http://127.0.0.1:5001
    """
    from cli.examining import examine_node, node_in

    session, named = of(context), os.environ.get("CONSENT_BLOCKS_TOKEN_FILE")
    shape = examine_node(
        url or node_in(os.environ.get("CONSENT_BLOCKS", "")) or USUAL,
        blocks_token_file or (Path(named) if named else None),
    )
    session.output.result(shape, view.checked_text(shape))
    if not shape.ok:
        raise typer.Exit(Exit.FAILED)


@command(app)
def profile(context: typer.Context) -> None:
    """Print the commands that make a new Kubo node private. Run them after "ipfs init", before "ipfs daemon".

    Examples:
      consent ipfs profile
      consent ipfs profile > private.sh
    """
    from ledger.records import kuboprofile

    shape = IpfsProfile(
        commands=[IpfsCommand(command=command, why=why) for command, why in kuboprofile.commands()]
    )
    of(context).output.result(shape, view.profile_text(shape))
