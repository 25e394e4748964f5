"""A gateway's settings from flags over the environment over a file."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from cli.session import Session
from ledger.errors import LedgerError

if TYPE_CHECKING:
    from api.gathering import Gathered
    from api.settings import GatewaySettings


def gateway_settings(usual_state: Path, *, file: Path | None = None, **flags: object) -> "GatewaySettings":
    """The settings: flags that are not None, over the environment, over the file, over the usual state.

    Raises:
        InvalidInput: some are missing or cannot be used; the message has a line for each.
    """
    from api.gathering import gather

    return gather(os.environ, flags=flags, usual={"state": usual_state}, file=file).settings


def operated(
    session: Session,
    *,
    state: Path | None = None,
    file: Path | None = None,
    deployment: Path | None = None,
) -> "Gathered":
    """The settings of a gateway that somebody looks after; of `consent up` also where nobody has said any.

    Raises:
        InvalidInput: some are missing or cannot be used; the message has a line for each.
    """
    from api.gathering import gather

    place = state or Path(os.environ.get("CONSENT_STATE", session.home.stack))
    return gather(
        os.environ,
        flags={"state": state, "rpc": session.given.rpc, "deployment": deployment},
        usual={"state": place, **_of_stack(place)},
        file=file,
    )


def _of_stack(state: Path) -> dict[str, object]:
    """What `consent up` keeps in its state directory, and the node that it has run."""
    from ledger.client import files
    from ledger.client.config import Config

    deployment, network = state / "deployment.json", state / "network.json"
    try:
        rpc = Config.parse(files.read(network)).rpc if network.exists() else None
    except LedgerError:
        rpc = None
    return {"deployment": deployment if deployment.exists() else None, "rpc": rpc}
