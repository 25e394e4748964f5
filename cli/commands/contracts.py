"""`consent contracts`: the Solidity sources, what the compiler makes of them, what is on a chain."""

from pathlib import Path
from typing import Annotated

import typer

from cli import deploying, verifying
from cli.compiling import compile_all
from cli.exits import Exit
from cli.groups import command, make_group
from cli.session import of
from cli.shapes.stack import ContractsBuilt
from cli.views import contracts as chain_view
from cli.views import stack as view

app = make_group("contracts", "The contracts: compile them, deploy them, verify what is deployed.")


@command(app)
def build(
    context: typer.Context,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail if anything differs.")] = False,
) -> None:
    """Compile the contracts from source with py-solc-x and keep the committed artifacts equal.

    Examples:
      consent contracts build
      consent contracts build --check
    """
    session = of(context)
    shape = ContractsBuilt(artifacts=compile_all(write=not check))
    session.output.result(shape, view.artifacts_text(shape.artifacts))
    if check and not all(artifact.same_as_committed for artifact in shape.artifacts):
        raise typer.Exit(Exit.FAILED)


@command(app)
def deploy(
    context: typer.Context,
    network: Annotated[
        str, typer.Option(metavar="NETWORK", help="devnet, sepolia, hoodi, or the URL of a node.")
    ],
    account: Annotated[
        Path, typer.Option(metavar="KEYSTORE", help="Who pays: a wallet's keystore file (version 3).")
    ],
    owner: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Of the directory; who pays if not given.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to write it; in a checkout contracts/deployments."),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Forget the contracts that the file names.")
    ] = False,
    block: Annotated[
        int | None, typer.Option(metavar="NUMBER", min=0, help="First block, where the node cannot tell.")
    ] = None,
    wait: Annotated[
        deploying.Depth | None, typer.Option(help="How deep they must be; final on sepolia and hoodi.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what it takes, send nothing.")] = False,
) -> None:
    """Put the three contracts on a chain, verify them, and write down where they are.

    First it shows what it takes: addresses, transactions, cost. Nothing is sent before you agree. The
    addresses follow from the code and the owner alone, so they are the same on every chain, and whatever is
    there already is not sent again: when interrupted, run it again.

    The account is a keystore file as 'cast wallet new DIR' or 'geth account new' make it. Networks that have
    a name take the node from --rpc, CONSENT_RPC or your profile; devnet is the chain of 'consent up'.

    Examples:
      consent contracts deploy --network sepolia --rpc https://node.example --account payer.json --dry-run
      consent contracts deploy --network devnet --account payer.json
      consent contracts deploy --network http://127.0.0.1:8545 --account payer.json --output deployment.json
    """
    session = of(context)
    wish = deploying.Wish(
        network=network,
        account=account,
        owner=owner,
        output=output,
        replace=replace,
        block=block,
        wait=wait,
        dry_run=dry_run,
    )
    shape, text = deploying.deploy(session, wish)
    session.output.result(shape, text)


@command(app)
def verify(
    context: typer.Context,
    deployment: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Which contracts; your network's if not given.")
    ] = None,
    artifacts: Annotated[
        bool, typer.Option("--artifacts", help="Compare with the committed artifacts, without a compiler.")
    ] = False,
    owner: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Who alone must own the directory.")
    ] = None,
) -> None:
    """Compile the sources and compare every byte with what is deployed.

    Values that a constructor wrote into the code are computed from chain, address and name, and compared too.
    Without --deployment and a profile it is contracts/deployments/<chain>.json of the node's chain. Exit code
    10 says that something differs.

    Examples:
      consent contracts verify --rpc http://127.0.0.1:8545
      consent contracts verify --deployment deployment.json --artifacts --json
    """
    session = of(context)
    shape = verifying.verify(session, deployment=deployment, artifacts=artifacts, owner=owner)
    session.output.result(shape, chain_view.verified_text(shape))
    if not shape.ok:
        raise typer.Exit(Exit.FAILED)
