"""Which network a profile uses: its gateway, a chain RPC of one's own choice, and the three contracts.

``config.json``; `consent up` writes the same content as ``network.json``::

    {"deployment":{"anchor":"0x…","block":1,"chain_id":31337,"directory":"0x…","registry":"0x…"},
     "format":"consent-ledger/config/1","gateway":"http://127.0.0.1:8440","rpc":"http://127.0.0.1:8545"}

``blocks`` is there if blocks are kept where this machine reaches them: a directory, or the URL of a Kubo RPC,
several with commas. Else they go through the gateway. Beside it may be ``blocks_factor``, how many of those
places must take each block, and ``blocks_token_file``, the file with the token that the Kubo asks for.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from ledger.canonical import canonical, parse_object
from ledger.chain.deployment import Deployment
from ledger.chain.rpc import urls_in
from ledger.errors import InvalidInput
from ledger.records import stores

FORMAT = "consent-ledger/config/1"
SETTABLE = ("gateway", "rpc", "blocks", "blocks_factor", "blocks_token_file")

_OPTIONAL = {"blocks": str, "blocks_factor": int, "blocks_token_file": str}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The network of one profile."""

    gateway: str
    rpc: str
    deployment: Deployment
    blocks: str | None = None
    blocks_factor: int | None = None
    blocks_token_file: str | None = None

    def __post_init__(self) -> None:
        """Refuse addresses that cannot be used."""
        check_url("gateway", self.gateway)
        check_nodes(self.rpc)

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """The configuration in a JSON text.

        Raises:
            InvalidInput: not a configuration of this format.
        """
        content = parse_object(raw)
        required = {"format", "gateway", "rpc", "deployment"}
        if content.get("format") != FORMAT or not required <= content.keys() <= required | _OPTIONAL.keys():
            raise InvalidInput(
                "not a network file",
                reason="bad_config",
                fix="Use the network.json that 'consent up' writes.",
            )
        optional = {name: content[name] for name in _OPTIONAL if name in content}
        if any(type(value) is not _OPTIONAL[name] for name, value in optional.items()):
            raise InvalidInput("a setting for blocks has another type than it needs", reason="bad_config")
        if not all(isinstance(content[name], str) for name in ("gateway", "rpc")):
            raise InvalidInput("gateway and rpc are addresses", reason="bad_config")
        return cls(
            gateway=content["gateway"],
            rpc=content["rpc"],
            deployment=Deployment.from_json(content["deployment"]),
            **optional,
        )

    def encode(self) -> bytes:
        """One line of canonical JSON."""
        optional = {name: value for name in _OPTIONAL if (value := getattr(self, name)) is not None}
        return (
            canonical(
                {
                    "format": FORMAT,
                    "gateway": self.gateway,
                    "rpc": self.rpc,
                    "deployment": self.deployment.to_json(),
                    **optional,
                }
            )
            + b"\n"
        )

    def with_value(self, key: str, value: str) -> "Config":
        """With one setting changed.

        Raises:
            InvalidInput: no such setting, or no such value for it.
        """
        if key not in SETTABLE:
            raise InvalidInput(
                f"there is no setting {key!r}",
                reason="unknown_setting",
                fix=f"Choose from: {', '.join(SETTABLE)}",
            )
        if key == "blocks":
            return replace(self, blocks=_absolute(value) if value else None)
        if key == "blocks_factor":
            return replace(self, blocks_factor=_count(value) if value else None)
        if key == "blocks_token_file":
            return replace(self, blocks_token_file=str(Path(value).absolute()) if value else None)
        if key == "rpc":
            return replace(self, rpc=check_nodes(value))
        return replace(self, gateway=check_url(key, value))

    def overridden(self, given: Mapping[str, str]) -> "Config":
        """With the settings in `given` (from flags or the environment) in place of the profile's."""
        config = self
        for key, value in given.items():
            config = config.with_value(key, value)
        return config


def _absolute(setting: str) -> str:
    """The same places from wherever a command is run."""
    return ",".join(
        place if stores.is_url(place) else str(Path(place).absolute()) for place in stores.places(setting)
    )


def _count(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]?", text, re.ASCII):
        raise InvalidInput(
            "not a number of places", reason="bad_factor", fix="Give how many places must take each block."
        )
    return int(text)


def check_nodes(rpc: str) -> str:
    """Addresses of nodes with commas between several, each as in `check_url`; else InvalidInput."""
    return ",".join(check_url("rpc", url) for url in urls_in(rpc) or [rpc])


def check_url(name: str, url: str) -> str:
    """An http or https address with a host and nothing secret in it; else InvalidInput."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and (parts.port or 1)
    except ValueError:
        usable = False
    if not usable or parts.username is not None or parts.query or parts.fragment:
        raise InvalidInput(
            f"{name} is not an http or https address",
            reason="bad_url",
            fix=f"Write it like http://127.0.0.1:8440 for {name}.",
        )
    return url.rstrip("/")
