"""`consent contracts`: the Solidity sources and what the compiler makes of them."""

from typing import Annotated

import typer

from cli.compiling import compile_all
from cli.exits import Exit
from cli.groups import command, make_group
from cli.session import of
from cli.shapes.stack import ContractsBuilt
from cli.views import stack as view

app = make_group("contracts", "The contracts: compile them, compare them.")


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
