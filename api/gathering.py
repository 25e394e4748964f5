"""Putting a gateway's settings together: flags over the environment over one file, and all errors at once.

A file is TOML with nothing but ``name = value``; a variable is ``CONSENT_<NAME>``. Both are taken as strictly
as they are written: ``"8440"`` is no number in a file, and ``+8440`` is none in a variable. Variables of that
form which are no settings are the client's or somebody else's, and pass; but not what looks like a slip.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from api.settings import HOLDING, LOOPBACK, SECRET, GatewaySettings, read_rpc
from api.settingstext import allowed, schema
from ledger.canonical import parse_object
from ledger.chain.deployment import Deployment
from ledger.errors import InvalidInput, LedgerError
from ledger.records import stores

PREFIX = "CONSENT_"
NAMED = "CONSENT_SETTINGS"
USUAL = "settings.toml"
DEFAULT = "default"
FIELDS = GatewaySettings.model_fields

_KEY = re.compile(r"""\s*\[*\s*["']?([A-Za-z0-9_-]+)["']?\s*[=.\]]""")
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,18}", re.ASCII)
_SHOWN = 60
_ALIKE = 0.85


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A value as it was found, and where: ``settings.toml line 4``, ``CONSENT_PORT``, ``--port``."""

    value: Any
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """Settings that can be used, and where each comes from (``default`` where nobody said anything)."""

    settings: GatewaySettings
    origins: Mapping[str, str]
    file: Path | None


def gather(
    environment: Mapping[str, str],
    *,
    flags: Mapping[str, object],
    usual: Mapping[str, object] = MappingProxyType({}),
    file: Path | None = None,
) -> Gathered:
    """The settings in force.

    The file is the one given, else the one that ``CONSENT_SETTINGS`` names, else ``settings.toml`` in the
    state directory if it is there. `flags` come before all else, and `usual` after; None is not said.

    Raises:
        InvalidInput: the file cannot be read, or anything in it, in the environment or in the flags cannot be
            used; the message has a line for each (``bad_setting``).
    """
    problems: list[str] = []
    path = _file(environment, flags, usual.get("state"), file)
    given: dict[str, Given] = {}
    if path is not None:
        given |= _in_file(path, problems)
    given |= _in_environment(environment, problems)
    for name, value in flags.items():
        if value is not None:
            given[name] = Given(value=_plain(value), where=f"--{name.replace('_', '-')}")
    for name, value in usual.items():
        if value is not None and not (name == "rpc" and "rpc_file" in given):
            given.setdefault(name, Given(value=_plain(value), where=DEFAULT))
    settings = _validated(given, problems)
    if problems or settings is None:
        raise refused(problems)
    origins = {name: given[name].where if name in given else DEFAULT for name in FIELDS}
    return Gathered(settings=settings, origins=origins, file=path)


def refused(problems: list[str]) -> InvalidInput:
    """All that is wrong, a line for each."""
    count = "a setting" if len(problems) == 1 else f"{len(problems)} settings"
    return InvalidInput(
        "\n".join([f"{count} cannot be used:", *(f"  - {problem}" for problem in problems)]),
        reason="bad_setting",
        fix="Mend what is named, then look again: consent gateway settings --check",
    )


def _file(
    environment: Mapping[str, str], flags: Mapping[str, object], usual: object, named: Path | None
) -> Path | None:
    if named is not None or environment.get(NAMED):
        return named or Path(environment[NAMED])
    state = flags.get("state") or environment.get(f"{PREFIX}STATE") or usual
    found = None if state is None else Path(str(state)) / USUAL
    return found if found is not None and found.exists() else None


def _in_file(path: Path, problems: list[str]) -> dict[str, Given]:
    try:
        text = path.read_bytes().decode("utf-8")
        content = tomllib.loads(text)
    except OSError:
        problems.append(f"{path}: cannot be read; name another with --settings or {NAMED}")
        return {}
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        line = re.search(r"at line [0-9]+", str(exc))
        at = f" {line.group().removeprefix('at ')}" if line else ""
        problems.append(f"{path}{at}: not TOML; write lines such as: port = 8440")
        return {}
    lines = _lines(text)
    found = {}
    for name, value in content.items():
        where = f"{path} line {lines.get(name, 1)}"
        if name in FIELDS:
            found[name] = Given(value=_from(path.parent, name, value), where=where)
        else:
            problems.append(f"{where}: {_unknown(name, '')}")
    return found


def _lines(text: str) -> dict[str, int]:
    """On which line each name is given."""
    found: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        match = _KEY.match(line)
        if match:
            found.setdefault(match.group(1), number)
    return found


def _from(directory: Path, name: str, value: Any) -> Any:  # noqa: ANN401
    """A place in a settings file starts from where that file is."""
    if name not in HOLDING or not isinstance(value, str) or not value:
        return value
    places = value.split(",") if name == "blocks" else [value]
    return ",".join(
        place if stores.is_url(place) else str(directory.absolute() / place.strip()) for place in places
    )


def _in_environment(environment: Mapping[str, str], problems: list[str]) -> dict[str, Given]:
    found = {}
    variables = {f"{PREFIX}{name.upper()}": name for name in FIELDS}
    for variable in sorted(environment):
        name = variables.get(variable)
        if name is not None and environment[variable]:
            found[name] = Given(value=_typed(name, environment[variable]), where=variable)
        elif name is None and variable.startswith(PREFIX) and variable != NAMED:
            meant = get_close_matches(variable, variables, n=1, cutoff=_ALIKE)
            if meant and variable not in OTHERS:
                problems.append(f"{variable}: {_unknown(variable, PREFIX)}")
    return found


OTHERS = frozenset(
    f"{PREFIX}{name}" for name in ("HOME", "PROFILE", "GATEWAY", "PASSPHRASE_FILE", "POSTGRES", "KUBO")
)
"""Variables that are no settings of a gateway though they look alike."""


def _typed(name: str, text: str) -> Any:  # noqa: ANN401
    """What a variable says, as the same in a file would be."""
    takes_numbers = "integer" in json.dumps(schema()["properties"][name])
    return int(text) if takes_numbers and _WHOLE.fullmatch(text) else text


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


def _unknown(name: str, prefix: str) -> str:
    meant = get_close_matches(
        name.removeprefix(prefix).lower().replace("-", "_"), FIELDS, n=1, cutoff=_ALIKE - 0.2
    )
    spelt = "" if not meant else f"; did you mean {prefix}{meant[0].upper() if prefix else meant[0]}?"
    return f"{name} is no setting{spelt}" if not prefix else f"no setting{spelt}"


def _validated(given: Mapping[str, Given], problems: list[str]) -> GatewaySettings | None:
    values = {name: one.value for name, one in given.items()}
    try:
        settings = GatewaySettings.model_validate_json(json.dumps(values, default=str), strict=True)
    except ValidationError as exc:
        wrong = {str(error["loc"][0]): error for error in exc.errors(include_url=False)}
        problems += [_said(name, given, error) for name, error in wrong.items()]
        values = {name: value for name, value in values.items() if name not in wrong}
        problems += _together(values, given, skip=set(wrong))
        return None
    problems += _together(values, given, skip=set())
    return settings


def _said(name: str, given: Mapping[str, Given], error: Mapping[str, Any]) -> str:
    """One error: where it is, what is wrong, and what may stand there."""
    if error["type"] == "missing":
        return f"{name}: not given; {_ways(name)} ({allowed(name)})"
    one = given[name]
    own = str(error["msg"]).removeprefix("Value error, ")
    found = "what is found there" if name in SECRET else _shown(one.value)
    wrong = f"{found} {own}" if error["type"] == "value_error" else f"{found} cannot be used"
    return f"{one.where}: {name}: {wrong}; allowed is {allowed(name)}"


def _ways(name: str) -> str:
    return f"write {name} = … into the settings file, or set {PREFIX}{name.upper()}"


def _shown(value: object) -> str:
    text = json.dumps(value, default=str, ensure_ascii=True)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _together(values: Mapping[str, Any], given: Mapping[str, Given], *, skip: set[str]) -> Iterator[str]:
    """What is wrong with settings that are right for themselves: with each other, or with files they name."""
    host = values.get("host", "127.0.0.1")
    if host not in LOOPBACK and not values.get("public_url") and "public_url" not in skip:
        yield (
            f"public_url: not given, and host is no loopback; {_ways('public_url')} ({allowed('public_url')})"
        )
    if values.get("rpc") and values.get("rpc_file"):
        yield f"{given['rpc_file'].where}: rpc_file: {given['rpc'].where} has rpc already; give only one"
    if not (values.get("rpc") or values.get("rpc_file") or {"rpc", "rpc_file"} & skip):
        yield f"rpc: not given; {_ways('rpc')}, or rpc_file ({allowed('rpc')})"
    factor, blocks = values.get("blocks_factor"), values.get("blocks", "")
    if factor is not None and "blocks" not in skip and factor > len(blocks.split(",")):
        where, count = given["blocks_factor"].where, len(blocks.split(","))
        yield f"{where}: blocks_factor: {factor} copies cannot be kept in {count} places"
    if values.get("metrics_port") and values["metrics_port"] == values.get("port", FIELDS["port"].default):
        yield f"{given['metrics_port'].where}: metrics_port: the same as port; choose another"
    for name, read in READ.items():
        if values.get(name):
            try:
                read(Path(values[name]))
            except (LedgerError, OSError) as exc:
                why = exc.message if isinstance(exc, LedgerError) else "cannot be read"
                yield f"{given[name].where}: {name}: {why}; allowed is {allowed(name)}"


def _deployment(path: Path) -> None:
    Deployment.from_json(parse_object(path.read_bytes()))


READ: Mapping[str, Any] = {
    "deployment": _deployment,
    "rpc_file": read_rpc,
    "blocks_token_file": stores.read_token,
}
"""Files that a setting names, and who reads them."""
