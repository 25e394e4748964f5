"""`consent config`: which gateway and chain a profile uses, and where each setting comes from."""

import os
from pathlib import Path
from typing import Annotated

import typer

from cli import settings_in_force
from cli.groups import command, make_group
from cli.inputs import read_source
from cli.session import of
from cli.shapes.people import ConfigShown
from cli.views import people as view

app = make_group("config", "Which gateway and chain this profile uses.")

NETWORK_LIMIT = 64 * 1024


@command(app)
def get(
    context: typer.Context,
    key: Annotated[str | None, typer.Argument(metavar="[KEY]", help="One setting; all without it.")] = None,
    show_origin: Annotated[
        bool, typer.Option("--show-origin", help="Say where each value comes from.")
    ] = False,
) -> None:
    """Show the settings in force. A flag comes before the environment, that before the profile.

    Examples:
      consent config get --show-origin
      consent config get gateway
    """
    session = of(context)
    shape = ConfigShown(settings=settings_in_force.select(session, os.environ, key))
    session.output.result(shape, view.settings_text(shape.settings, key=key, show_origin=show_origin))


@command(app, "set")
def set_(
    context: typer.Context,
    key: Annotated[str, typer.Argument(metavar="KEY", help="network, gateway, rpc, blocks, ...")],
    value: Annotated[str, typer.Argument(metavar="VALUE", help="An address, a directory or a network file.")],
) -> None:
    """Change a setting of this profile. `network` takes over a whole network file.

    Examples:
      consent -p alice config set network network.json
      consent -p alice config set gateway http://127.0.0.1:8440
    """
    from ledger.client.config import Config

    session = of(context)
    if key == "network":
        changed = Config.parse(read_source(Path(value), limit=NETWORK_LIMIT))
    else:
        changed = session.profile.config().with_value(key, value)
    session.profile.save_config(changed)
    shape = ConfigShown(settings=settings_in_force.select(session, os.environ, None))
    session.output.result(shape, view.settings_text(shape.settings, key=None, show_origin=True))
