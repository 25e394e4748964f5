"""A gateway's settings from flags over the environment."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.errors import InvalidInput

if TYPE_CHECKING:
    from api.settings import GatewaySettings


def gateway_settings(usual_state: Path, **flags: object) -> "GatewaySettings":
    """The settings: flags that are not None, over the environment, over the usual state directory.

    Raises:
        InvalidInput: one is missing or out of bounds; the message names it.
    """
    from pydantic import ValidationError

    from api.settings import GatewaySettings

    given = {name: value for name, value in flags.items() if value is not None}
    if "CONSENT_STATE" not in os.environ:
        given.setdefault("state", usual_state)
    try:
        return GatewaySettings(**given)  # type: ignore[arg-type]
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        raise InvalidInput(
            f"the setting {name} cannot be used: {first['msg']}",
            reason="bad_setting",
            fix=f"Give --{name.replace('_', '-')}, or set CONSENT_{name.upper()}.",
        ) from exc
