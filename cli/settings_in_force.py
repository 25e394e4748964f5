"""Every setting with its value and where that comes from."""

from collections.abc import Mapping

from cli.options import DEFAULT_PROFILE
from cli.session import VARIABLES, Session
from cli.shapes.people import SettingPart
from ledger.errors import InvalidInput


def select(session: Session, environment: Mapping[str, str], key: str | None) -> list[SettingPart]:
    """All settings, or the one named.

    Raises:
        InvalidInput: no such setting, or it has no value.
    """
    found = _all(session, environment)
    if key is None:
        return found
    chosen = [setting for setting in found if setting.key == key]
    if not chosen:
        names = ", ".join(setting.key for setting in found)
        raise InvalidInput(
            f"no setting {key!r} has a value", reason="unknown_setting", fix=f"These have one: {names}"
        )
    return chosen


def _all(session: Session, environment: Mapping[str, str]) -> list[SettingPart]:
    given = session.given
    named = "flag" if given.profile else "environment" if environment.get("CONSENT_PROFILE") else "default"
    homed = "flag" if given.home else "environment" if environment.get("CONSENT_HOME") else "default"
    found = [
        SettingPart(key="home", value=str(session.home.root), origin=homed),
        SettingPart(
            key="profile", value=given.profile or session.profile.name or DEFAULT_PROFILE, origin=named
        ),
    ]
    return found + (_network(session, environment) if session.profile.config_file.exists() else [])


def _network(session: Session, environment: Mapping[str, str]) -> list[SettingPart]:
    config, flags = session.config, session.flags()
    found = []
    for key in VARIABLES:
        value = str(getattr(config, key) or "")
        origin = "flag" if key in flags else "environment" if environment.get(VARIABLES[key]) else "profile"
        if value:
            found.append(SettingPart(key=key, value=value, origin=origin))
    deployment = config.deployment
    for key in ("chain_id", "registry", "directory", "anchor"):
        found.append(SettingPart(key=key, value=str(getattr(deployment, key)), origin="profile"))
    return found
