"""A gateway in a process of its own, and a chain, database, disk, clock and blocks that can all fail."""

import os
import resource
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from api.stack import Stack
from ledger.audit.remote import GatewaySource
from ledger.audit.verify import verify
from ledger.chain.devnet import Devnet
from ledger.chain.reader import read_chain
from ledger.chain.rpc import Rpc
from ledger.client.drafting import Wish
from ledger.client.filing import Done
from ledger.client.gateway import system_clock
from ledger.client.patient import PatientClient
from ledger.errors import StopKept
from ledger.ids import ConsentId
from tests.api.conftest import sign_in
from tests.audit.findings import passed
from tests.faults.proxy import Answer, Call, FaultProxy, Forward
from tests.faults.wrongclock import WRONG
from tests.network import Person, eventually, serving, small_bundle
from tests.nodes.several import Process, Several

HEAD_AGE = 10
"""Seconds after which the gateway takes no head for fresh."""
HOURS = 5 * 3600
PATIENCE = 5
"""Seconds for which the clinic waits for an answer."""
FULL = 4096
"""Bytes beyond which no file can grow on a full disk: less than any write of the database needs."""


@dataclass(frozen=True, kw_only=True)
class Shared:
    """A patient with a record and a client in a session, and a consent that is on chain."""

    person: Person
    patient: PatientClient
    consent: ConsentId


@dataclass
class Ground:
    """What fails, and who uses it."""

    town: Several
    gateway: Process
    devnet: Devnet
    proxy: FaultProxy
    state: Path
    clock: Path
    clinic: Person
    http: httpx2.Client

    # What goes wrong.

    @contextmanager
    def chain_silent(self) -> Iterator[None]:
        """The node hangs."""
        with stopped(self.devnet.pid):
            yield

    @contextmanager
    def chain_slow(self) -> Iterator[None]:
        """The node takes longer for an answer than a head may be old."""

        def late(calls: Sequence[Call], forward: Forward) -> list[Answer]:
            ended.wait(HEAD_AGE + 1)
            return forward(calls)

        ended = threading.Event()
        with self.proxy.telling(late):
            try:
                yield
            finally:
                ended.set()

    @contextmanager
    def chain_stuck(self) -> Iterator[None]:
        """The node answers, and never learns of another block."""
        head = self._node("eth_getBlockByNumber", "latest", False)

        def old(calls: Sequence[Call], forward: Forward) -> list[Answer]:
            answers = forward(calls)
            for call, answer in zip(calls, answers, strict=True):
                if call["method"] == "eth_blockNumber":
                    answer["result"] = head["number"]
                if call["method"] == "eth_getBlockByNumber" and call["params"][0] in ("latest", "pending"):
                    answer["result"] = head
            return answers

        with self.proxy.telling(old):
            yield

    @contextmanager
    def database_gone(self) -> Iterator[None]:
        """The file is not where it was."""
        there, elsewhere = self.state / "gateway.sqlite", self.state / "moved.sqlite"
        there.rename(elsewhere)
        try:
            yield
        finally:
            elsewhere.rename(there)

    @contextmanager
    def database_locked(self) -> Iterator[None]:
        """Somebody else holds it and does not let go."""
        with closing(sqlite3.connect(self.state / "gateway.sqlite", isolation_level=None)) as holder:
            holder.execute("BEGIN EXCLUSIVE")
            yield

    @contextmanager
    def disk_full(self, beyond: int = FULL) -> Iterator[None]:
        """No file grows: not the database, not its journal, not the gateway's own messages."""
        _, most = resource.prlimit(self.gateway.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.gateway.pid, resource.RLIMIT_FSIZE, (beyond, most))
        try:
            yield
        finally:
            resource.prlimit(self.gateway.pid, resource.RLIMIT_FSIZE, (most, most))

    @contextmanager
    def blocks_gone(self) -> Iterator[None]:
        """The directory of blocks is not where it was; something else is."""
        there, elsewhere = self.state / "blocks", self.state / "elsewhere"
        there.rename(elsewhere)
        there.write_text("")
        try:
            yield
        finally:
            there.unlink()
            elsewhere.rename(there)

    @contextmanager
    def clock_ahead(self) -> Iterator[None]:
        """By hours."""
        with self._clock_by(HOURS):
            yield

    @contextmanager
    def clock_behind(self) -> Iterator[None]:
        """By hours."""
        with self._clock_by(-HOURS):
            yield

    @contextmanager
    def _clock_by(self, seconds: int) -> Iterator[None]:
        self.clock.write_text(str(seconds))
        try:
            yield
        finally:
            self.clock.write_text("0")

    # Who uses it.

    def share(self) -> Shared:
        """A new patient who lets the clinic see a record, and is seen on chain."""
        person = self.town.enrolled()
        patient = self.town.patient(person)
        patient.publish_bundle(small_bundle("Observation"))
        consent = patient.file(patient.draft(Wish(grantees=[self.clinic.did], purposes=["TREAT"]))).consent
        found = Shared(person=person, patient=patient, consent=consent)
        eventually(lambda: self.permits(found))
        return found

    def permits(self, shared: Shared) -> bool:
        """Whether the clinic is let in, by a gateway that answers or not."""
        answer = self.ask("POST", "/access/v1/evaluation", json=asked(self.clinic, shared.person))
        return answer is not None and answer.status_code == 200 and answer.json()["decision"] is True

    def stop(self, shared: Shared) -> Done | None:
        """Stop a consent; None if that was acknowledged without a receipt."""
        try:
            return shared.patient.revoke(shared.consent)
        except StopKept:
            return None

    def ask(self, method: str, path: str, **body: object) -> httpx2.Response | None:
        """The gateway's answer to the clinic, if there is any in time."""
        if "Authorization" not in self.http.headers:
            self.sign_in()
        with suppress(httpx2.TransportError):
            return self.http.request(method, path, **body)  # type: ignore[arg-type]
        return None

    def sign_in(self) -> None:
        """Begin the clinic's session anew, if the gateway lets it."""
        with suppress(httpx2.TransportError, KeyError):
            self.http.headers["Authorization"] = f"Bearer {sign_in(self.http, self.clinic)}"

    def is_logged(self, shared: Shared) -> bool:
        """Whether the patient finds their consent stopped, with an entry."""
        row = self.town.gateway(shared.person).consent(shared.consent)
        return row.state == "stopped" and row.stop is not None

    def send(self, to: str, data: str) -> None:
        """Have somebody with ether send a call to the chain."""
        (sender, *_) = self._node("eth_accounts")
        transaction = self._node("eth_sendTransaction", {"from": sender, "to": to, "data": data})
        eventually(lambda: self._node("eth_getTransactionReceipt", transaction))

    def kill(self) -> None:
        """End the gateway at once."""
        self.gateway.stop(signal.SIGKILL)

    def start(self) -> tuple[float, float]:
        """Start the gateway again until it is ready; how many seconds that took, and of a processor."""
        began = time.monotonic()
        self.gateway.start()
        eventually(self.is_ready)
        took = time.monotonic() - began
        used = Path(f"/proc/{self.gateway.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return took, sum(map(int, used)) / os.sysconf("SC_CLK_TCK")

    def is_ready(self) -> bool:
        """Whether it says so."""
        with suppress(httpx2.TransportError):
            return self.http.get("/readyz").status_code == 200
        return False

    def audit(self, auditor: Person) -> None:
        """Nothing in the log is wrong."""
        client, rpc = self.town.gateway(auditor), Rpc(self.devnet.url)
        index = read_chain(rpc, self.town.config.deployment)
        rpc.close()
        verifier = client.info().log_key
        passed(verify(GatewaySource(client), index, verifier=verifier, now=system_clock()))

    def _node(self, method: str, *params: object) -> Any:  # noqa: ANN401
        """What the node itself answers."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        return httpx2.post(self.devnet.url, json=body, timeout=20).json()["result"]


def asked(clinic: Person, patient: Person) -> dict[str, Any]:
    """The question whether a clinic may see a patient's records."""
    return {
        "subject": {"type": "participant", "id": clinic.did},
        "action": {"name": "access"},
        "resource": {"type": "patient", "id": patient.did},
        "context": {"purpose": ["TREAT"]},
    }


@contextmanager
def stopped(process: int) -> Iterator[None]:
    """A process that hangs meanwhile."""
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


@contextmanager
def ground(directory: Path, *, database_url: str = "") -> Iterator[Ground]:
    """What one gateway has begun, another goes on with, behind whatever fails."""
    stack = Stack(directory / "state", database_url=database_url or None)
    with serving(stack) as begun:
        pass
    with ExitStack() as ending:
        devnet = ending.enter_context(Devnet(directory / "state" / "chain"))
        proxy = ending.enter_context(FaultProxy(devnet.url))
        stack.rpc_url = devnet.url
        clock = directory / "clock"
        clock.write_text("0")
        environment = {
            "CONSENT_STATE": str(directory / "state"),
            "CONSENT_DEPLOYMENT": str(directory / "state" / "deployment.json"),
            "CONSENT_DATABASE_URL": database_url,
            "CONSENT_RPC": proxy.url,
            "CONSENT_RELAY_ACTS_PER_HOUR": "1000000",
            "CONSENT_ANCHOR_INTERVAL": "1",
            "CONSENT_MAX_HEAD_AGE": str(HEAD_AGE),
            WRONG: str(clock),
        }
        gateway = Process("gateway", environment, directory, ("tests.faults.wrongclock",))
        ending.callback(gateway.stop)
        gateway.start()
        eventually(lambda: gateway.ready)
        config = begun.config.overridden({"gateway": gateway.url, "rpc": devnet.url})
        accreditor = type(begun.accreditor)(config, begun.accreditor.key)
        town = Several(stack=stack, config=config, accreditor=accreditor, closing=ending, processes=[gateway])
        yield Ground(
            town=town,
            gateway=gateway,
            devnet=devnet,
            proxy=proxy,
            state=directory / "state",
            clock=clock,
            clinic=town.admitted("Field Clinic"),
            http=ending.enter_context(httpx2.Client(base_url=gateway.url, timeout=PATIENCE)),
        )
