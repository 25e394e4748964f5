"""A whole network on loopback: chain, contracts, a served gateway, and people with clients of their own."""

import atexit
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx2

from api.stack import Stack
from ledger import data
from ledger.canonical import canonical, parse_object
from ledger.chain.rpc import Rpc
from ledger.client.accrediting import Accreditor
from ledger.client.config import Config
from ledger.client.directory import DirectoryView
from ledger.client.gateway import GatewayClient
from ledger.client.patient import PatientClient
from ledger.client.ports import KeptFiling
from ledger.client.provider import ProviderClient
from ledger.crypto.identity import Account, Identity, new_words
from ledger.crypto.sealing import KeyPair
from ledger.ids import ConsentId, Did, did_of
from ledger.parties import Application, Profile, Role, VouchedKey
from ledger.records.blocks import LocalBlockStore
from ledger.service.keys import read_key

PATIENCE = 60.0


@cache
def _staging() -> str:
    """Where the profiles of this process stage their records; it goes with the process."""
    directory = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, directory)
    return directory


@dataclass
class MemoryState:
    """A `ClientState` that forgets with the test; `saves` counts how often it was made durable."""

    next_controller: int = 0
    fingerprint: bytes | None = None
    filings: MutableMapping[ConsentId, KeptFiling] = field(default_factory=dict)
    persons: MutableMapping[Did, bytes] = field(default_factory=dict)
    epochs: MutableMapping[bytes, int] = field(default_factory=dict)
    log_key: str | None = None
    checkpoint: str | None = None
    receipts: list[dict[str, Any]] = field(default_factory=list)
    saves: int = 0
    staging: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(dir=_staging())))

    def keep_receipt(self, receipt: dict[str, Any]) -> None:
        self.receipts.append(receipt)

    def save(self) -> None:
        self.saves += 1

    @property
    def keeps_all(self) -> bool:
        return True

    def heed_stops(self) -> bool:
        return False

    def stopping(self) -> AbstractContextManager[None]:
        return nullcontext()


Tamper = Callable[[str, Any], Any]
"""Given method and path, and the JSON of a good answer: what a hostile gateway says instead."""


class TamperingTransport(httpx2.BaseTransport):
    """Goes to the real gateway, and changes what comes back."""

    def __init__(self, tamper: Tamper) -> None:
        self._tamper = tamper
        self._inner = httpx2.HTTPTransport()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = self._inner.handle_request(request)
        body = answer.read()
        if body and answer.is_success and answer.headers.get("content-type") == "application/json":
            asked = f"{request.method} {request.url.path}"
            body = json.dumps(self._tamper(asked, json.loads(body))).encode()
        headers = {"Content-Type": answer.headers.get("content-type", "")}
        return httpx2.Response(answer.status_code, headers=headers, content=body)

    def close(self) -> None:
        self._inner.close()


@dataclass
class Person:
    """Somebody with words of their own, and what their client remembers."""

    identity: Identity
    did: Did
    state: MemoryState = field(default_factory=MemoryState)


@dataclass
class Network:
    """A running stack, and what an accreditor does to its directory."""

    stack: Stack
    config: Config
    accreditor: Accreditor
    closing: ExitStack

    def person(self) -> Person:
        identity = Identity.from_words(new_words(os.urandom))
        did = did_of(self.config.deployment.chain_id, identity.account.address)
        return Person(identity=identity, did=did)

    def gateway(self, person: Person | None, tamper: Tamper | None = None) -> GatewayClient:
        client = GatewayClient(
            self.stack.url,
            chain_id=self.config.deployment.chain_id,
            account=None if person is None else person.identity.account,
            transport=None if tamper is None else TamperingTransport(tamper),
        )
        return self.closing.enter_context(client)

    def directory(self) -> DirectoryView:
        view = DirectoryView(self.stack.rpc_url, self.config.deployment)
        self.closing.callback(view.close)
        return view

    def blocks(self) -> LocalBlockStore:
        return LocalBlockStore(self.stack.state / "blocks")

    def patient(self, person: Person, tamper: Tamper | None = None) -> PatientClient:
        return PatientClient(
            identity=person.identity,
            gateway=self.gateway(person, tamper),
            directory=self.directory(),
            state=person.state,
            blocks=self.blocks(),
        )

    def provider(self, person: Person, tamper: Tamper | None = None) -> ProviderClient:
        return ProviderClient(
            identity=person.identity,
            gateway=self.gateway(person, tamper),
            directory=self.directory(),
            state=person.state,
            blocks=self.blocks(),
        )

    def application(self, person: Person, name: str, roles: Role = Role.PROVIDER) -> Application:
        deployment = self.config.deployment
        key = VouchedKey.encryption(
            person.identity.account,
            KeyPair.from_secret(person.identity.encryption_secret(1)).public,
            version=1,
            chain_id=deployment.chain_id,
            directory=deployment.directory,
        )
        profile = Profile(participant=person.did, name=name, kind="organisation", encryption=key)
        return Application.sign(profile, roles, person.identity.account)

    def admitted(self, name: str, roles: Role = Role.PROVIDER) -> Person:
        """Somebody new whom the accreditor has admitted."""
        person = self.person()
        self.accreditor.admit(self.application(person, name, roles))
        return person

    def enrolled(self) -> Person:
        """A new patient."""
        person = self.person()
        self.patient(person).enrol()
        return person

    def wait_active(self, consent: ConsentId) -> None:
        """Until the gateway sees a consent on chain."""

        def recorded() -> bool:
            index = self.stack.server.gateway.follower.index
            return index.consent(consent) is not None

        eventually(recorded)

    def send_blocks(self, count: int = 4) -> None:
        """Some empty blocks, so that what came before is final."""
        rpc = Rpc(self.stack.rpc_url)
        for _ in range(count):
            rpc.request("evm_mine")
        rpc.close()


@contextmanager
def serving(stack: Stack) -> Iterator[Network]:
    """Run a stack for as long as the context lasts."""
    with stack, ExitStack() as closing:
        config = Config.parse(stack.network.read_bytes())
        accreditor = Accreditor(config, Account.from_key(read_key(stack.accreditor_key)))
        yield Network(stack=stack, config=config, accreditor=accreditor, closing=closing)


def small_bundle(*types: str) -> bytes:
    """The Patient of the sample bundle and its resources of some types."""
    bundle = parse_object(data.read("bundle.json"))
    kept = ("Patient", *types)
    bundle["entry"] = [entry for entry in bundle["entry"] if entry["resource"]["resourceType"] in kept]
    return canonical(bundle)


def eventually(holds: Callable[[], object]) -> None:
    """Wait until something holds; a failure if it does not within a minute."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)
