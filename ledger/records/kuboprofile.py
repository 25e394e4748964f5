"""The private profile of a Kubo node that keeps records, and what a node's config exposes instead.

As Kubo comes, it listens for peers on every interface, connects to the public network and announces in its
DHT what it holds. Ciphertext may be public; when and where a patient's records are kept need not be.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from shlex import quote
from typing import Any
from urllib.parse import urlsplit

_LOCAL_NAMES = ("localhost",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One setting that is not as the private profile has it; `exposed` if the node is open because of it."""

    setting: str
    found: str
    why: str
    command: str
    exposed: bool


Config = Mapping[str, Any]
"""A node's config as ``config/show`` answers it."""

Judgement = Callable[[Config], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One setting: the command for it, whether a config has it, and whether it is exposed if not."""

    setting: str
    why: str
    command: str
    holds: Judgement
    exposes: Judgement = lambda _: False


def findings(config: Config, url: str) -> list[Finding]:
    """Where a node's config (``config/show``) differs from the profile, what exposes it first.

    It is the config on disk that is judged: what was changed after the daemon started, or by an option of
    ``ipfs daemon``, is not seen.
    """
    found = [] if _is_local_host(urlsplit(url).hostname or "") else _reached_from_outside(config, url)
    found += [_finding(rule, config) for rule in (*_PROFILE, *_synced(config)) if not rule.holds(config)]
    return sorted(found, key=lambda one: not one.exposed)


def commands() -> list[tuple[str, str]]:
    """The commands of the whole profile for a new repository, each with its reason."""
    return [(rule.command, rule.why) for rule in (*_PROFILE, *_synced(_NEW))]


def value_at(config: Any, setting: str) -> Any:  # noqa: ANN401
    """The value of a dotted setting; None if it is not there."""
    for name in setting.split("."):
        config = config.get(name) if isinstance(config, Mapping) else None
    return config


def _finding(rule: Rule, config: Config) -> Finding:
    return Finding(
        setting=rule.setting,
        found=json.dumps(value_at(config, rule.setting)),
        why=rule.why,
        command=rule.command,
        exposed=rule.exposes(config),
    )


def _reached_from_outside(config: Config, url: str) -> list[Finding]:
    """What is wrong with an address that is not loopback: no token is asked for, or it is sent in clear."""
    guarded = _asks_for_token(config)
    if guarded and urlsplit(url).scheme == "https":
        return []
    return [
        Finding(
            setting="Addresses.API",
            found=json.dumps(url),
            why="the token for its RPC goes over the network in clear; use https, through a proxy before it"
            if guarded
            else "its RPC, which can do anything to the node, is reached by an address that is not loopback",
            command="ipfs config Addresses.API /ip4/127.0.0.1/tcp/5001",
            exposed=not guarded,
        )
    ]


def _asks_for_token(config: Config) -> bool:
    """Whether its RPC answers only to those who name a secret."""
    return bool(value_at(config, "API.Authorizations"))


def _set(setting: str, value: object, why: str) -> Rule:
    """A setting with one right value, which exposes nobody by itself."""
    return Rule(
        setting=setting,
        why=why,
        command=f"ipfs config --json {setting} {quote(json.dumps(value))}",
        holds=lambda config: bool(value_at(config, setting) == value),
    )


def _listening(setting: str, port: int, what: str) -> Rule:
    address = f"/ip4/127.0.0.1/tcp/{port}"
    return Rule(
        setting=setting,
        why=f"{what} listens beyond loopback",
        command=f"ipfs config {setting} {address}",
        holds=lambda config: _listens_locally(config, setting),
        exposes=lambda _: True,
    )


def _listens_locally(config: Config, setting: str) -> bool:
    return all(map(_is_local, _texts(value_at(config, setting))))


def _no_origin_allowed(config: Config) -> bool:
    headers = value_at(config, "API.HTTPHeaders") or {}
    return not any(name.lower() == "access-control-allow-origin" for name in headers)


def _is_local(address: str) -> bool:
    """Whether a multiaddr is a Unix socket or on loopback."""
    kind, _, rest = address.strip("/").partition("/")
    return kind == "unix" or _is_local_host(rest.partition("/")[0])


def _is_local_host(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host in _LOCAL_NAMES


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)] if value else []


_SPEC = "Datastore.Spec.mounts"
_NEW: Config = {
    "Datastore": {
        "Spec": {
            "mounts": [
                {
                    "mountpoint": "/blocks",
                    "path": "blocks",
                    "prefix": "flatfs.datastore",
                    "shardFunc": "/repo/flatfs/shard/v1/next-to-last/2",
                    "sync": False,
                    "type": "flatfs",
                },
                {
                    "compression": "none",
                    "mountpoint": "/",
                    "path": "datastore",
                    "prefix": "leveldb.datastore",
                    "type": "levelds",
                },
            ]
        }
    }
}


def _synced(config: Config) -> Iterator[Rule]:
    """The rule that blocks are on disk when a put returns, for the datastore that a node has."""
    mounts = value_at(config, _SPEC)
    if not isinstance(mounts, list) or not any(_is_flatfs(mount) for mount in mounts):
        return
    synced = [{**mount, "sync": True} if _is_flatfs(mount) else mount for mount in mounts]
    yield _set(_SPEC, synced, "a block that was acknowledged can be lost with the power")


def _is_flatfs(mount: object) -> bool:
    return isinstance(mount, Mapping) and mount.get("type") == "flatfs"


_PROFILE = (
    Rule(
        setting="Addresses.API",
        why="its RPC, which can do anything to the node, listens beyond loopback and asks for no token",
        command="ipfs config Addresses.API /ip4/127.0.0.1/tcp/5001",
        holds=lambda config: _asks_for_token(config) or _listens_locally(config, "Addresses.API"),
        exposes=lambda _: True,
    ),
    _listening("Addresses.Gateway", 8080, "its gateway, which serves what the node holds,"),
    Rule(
        setting="API.HTTPHeaders",
        why="it lets web pages of other origins use its RPC",
        command="ipfs config --json API.HTTPHeaders '{}'",
        holds=_no_origin_allowed,
        exposes=lambda _: True,
    ),
    Rule(
        setting="Provide.Enabled",
        why="it announces in the public DHT which blocks it holds",
        command="ipfs config --json Provide.Enabled false",
        holds=lambda config: value_at(config, "Provide.Enabled") is False,
        exposes=lambda config: value_at(config, "Routing.Type") != "none",
    ),
    _set("Routing.Type", "none", "it takes part in the public DHT and asks it for blocks"),
    Rule(
        setting="AutoConf.Enabled",
        why="it fetches settings from the internet",
        command="ipfs config profile apply autoconf-off",
        holds=lambda config: value_at(config, "AutoConf.Enabled") is False,
    ),
    Rule(
        setting="Bootstrap",
        why="it connects to the public network",
        command="ipfs bootstrap rm --all",
        holds=lambda config: not value_at(config, "Bootstrap"),
    ),
    Rule(
        setting="Addresses.Swarm",
        why="peers can connect from outside and ask for blocks",
        command="ipfs config --json Addresses.Swarm '[]'",
        holds=lambda config: _listens_locally(config, "Addresses.Swarm"),
    ),
    _set("Discovery.MDNS.Enabled", False, "it looks for peers in the local network"),
    _set("Swarm.DisableNatPortMap", True, "it asks the router to open a port"),
    _set("AutoTLS.Enabled", False, "it asks for a certificate from the internet"),
    _set("Plugins.Plugins.telemetry.Config.Mode", "off", "it reports on itself to its makers"),
    _set("Datastore.HashOnRead", True, "it hands out damaged blocks without noticing"),
    _set(
        "Datastore.BlockKeyCacheSize", 0, "it does not write a damaged block anew when it is given a good one"
    ),
)
