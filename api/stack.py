"""The whole stack on one machine: a local chain, the contracts on it, and a gateway. For `up` and `demo`."""

import os
import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Self

from api.gathering import DEFAULT, gather
from api.server import Server
from api.settings import GatewaySettings
from ledger.canonical import canonical, hexed, parse_object
from ledger.chain import calls
from ledger.chain.deploying import deploy
from ledger.chain.deployment import Deployment
from ledger.chain.devnet import Devnet
from ledger.chain.rpc import Rpc
from ledger.client import files
from ledger.client.accrediting import Accreditor
from ledger.client.config import Config
from ledger.crypto import privatefile
from ledger.crypto.identity import Account
from ledger.ids import Address, did_of
from ledger.parties import Application, Profile, Role
from ledger.service.gateway import system_clock
from ledger.service.keys import GatewayKeys, read_key

ETHER = 10**18
NAME = "Local gateway"


class Stack:
    """Runs as long as the context lasts; what is in the state directory survives to the next time."""

    def __init__(
        self,
        state: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        rpc_port: int = 0,
        blocks: str = "",
        blocks_factor: int | None = None,
        blocks_token_file: Path | None = None,
        database_url: str | None = None,
        anchor_interval: int = 5,
        webhook_allow: str | None = None,
        admit_gateway: bool = True,
        clock: Callable[[], datetime] = system_clock,
    ) -> None:
        self.state = state
        self.network = state / "network.json"
        self.accreditor_key = state / "keys" / "accreditor.key"
        self.database = state / "gateway.sqlite"
        self.rpc_url = ""
        self._host, self._port, self._rpc_port = host, port, rpc_port
        self._blocks = blocks
        chosen = {
            "blocks_factor": blocks_factor,
            "blocks_token_file": blocks_token_file,
            "database_url": database_url,
            "webhook_allow": webhook_allow,
        }
        self._chosen = {name: value for name, value in chosen.items() if value is not None}
        self._anchor_interval = anchor_interval
        self._admit = admit_gateway
        self._clock = clock
        self._exit = ExitStack()
        self._server: Server | None = None
        self._halted = threading.Event()

    @property
    def server(self) -> Server:
        """The gateway's server; only while the context lasts."""
        if self._server is None:
            raise RuntimeError("the stack is not running")
        return self._server

    @property
    def url(self) -> str:
        """The gateway's URL."""
        return self.server.url

    def __enter__(self) -> Self:
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        with ExitStack() as exit_stack:
            devnet = exit_stack.enter_context(Devnet(self.state / "chain", port=self._rpc_port))
            self.rpc_url = devnet.url
            keys = GatewayKeys.create(self.state / "keys")
            accreditor = _accreditor(self.accreditor_key)
            for address in (keys.relayer.address, accreditor.address):
                devnet.fund(address, 1000 * ETHER)
            deployment = self._deployed(accreditor)
            settings = self._settings()
            self._server = exit_stack.enter_context(Server(settings, clock=self._clock))
            network = Config(gateway=self.url, rpc=self.rpc_url, deployment=deployment)
            network = network.overridden(
                {
                    "blocks": settings.block_places,
                    "blocks_factor": str(settings.blocks_factor or ""),
                    "blocks_token_file": str(settings.blocks_token_file or ""),
                }
            )
            files.replace(self.network, network.encode())
            if self._admit:
                _admit_gateway(network, accreditor, keys.relayer)
            self._exit = exit_stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def wait(self) -> None:
        """Block until `halt` is called or the process is interrupted."""
        while not self._halted.wait(3600):
            pass

    def halt(self) -> None:
        """Let `wait` return."""
        self._halted.set()

    def _settings(self) -> GatewaySettings:
        """The gateway's own, under those of this stack; its log is quiet, since a person reads beside it."""
        found = gather(
            os.environ,
            flags={
                "state": self.state,
                "rpc": self.rpc_url,
                "deployment": self.state / "deployment.json",
                "host": self._host,
                "port": self._port,
                "blocks": self._blocks or None,
                "anchor_interval": self._anchor_interval,
                **self._chosen,
            },
        )
        quiet = {"log_level": "warning"} if found.origins["log_level"] == DEFAULT else {}
        return found.settings.model_copy(update=quiet)

    def _deployed(self, owner: Account) -> Deployment:
        """The contracts of last time; new ones on a new chain, also one lost before anything was filed."""
        path = self.state / "deployment.json"
        if path.exists():
            deployment = Deployment.from_json(parse_object(path.read_bytes()))
            kept = "database_url" in self._chosen or self.database.exists()
            if kept or _has_code(self.rpc_url, deployment.registry):
                return deployment
        deployment = deploy(self.rpc_url, owner)
        files.replace(path, canonical(deployment.to_json()))
        return deployment


def _has_code(rpc_url: str, contract: Address) -> bool:
    rpc = Rpc(rpc_url)
    try:
        return bool(rpc.code(contract))
    finally:
        rpc.close()


def _admit_gateway(network: Config, accreditor: Account, gateway: Account) -> None:
    """A log counts only if the directory vouches for whoever runs it; admitting again changes nothing."""
    rpc = Rpc(network.rpc)
    try:
        admitted = rpc.call(
            network.deployment.directory, calls.encode(calls.DIRECTORY, "participantOf", gateway.address)
        )
    finally:
        rpc.close()
    if any(admitted):
        return
    did = did_of(network.deployment.chain_id, gateway.address)
    profile = Profile(participant=did, name=NAME, kind="service")
    Accreditor(network, accreditor).admit(Application.sign(profile, Role.GATEWAY, gateway))


def _accreditor(path: Path) -> Account:
    """On a local chain one key is owner and accreditor of the directory."""
    if not path.exists():
        privatefile.create(path, hexed(os.urandom(32)).encode() + b"\n")
    return Account.from_key(read_key(path))
