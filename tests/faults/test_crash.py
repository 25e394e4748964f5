"""kill -9 while everybody acts: what was acknowledged is there, the log is whole, the gateway soon back."""

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import pytest

from ledger.client.drafting import Wish
from ledger.client.gateway import GatewayClient
from ledger.client.patient import PatientClient
from ledger.errors import EnvironmentFault
from ledger.ids import ConsentId
from ledger.log.entry import EntryKind, decode
from ledger.parties import Role
from tests.databases import Databases
from tests.faults.ground import Ground, asked, ground
from tests.network import Person, eventually

KILLS = int(os.environ.get("CONSENT_KILLS", "2"))
MORE = 8
"""So many decisions are acknowledged from one kill to the next, at least; and a consent or a stop."""
SOON = 6.0
"""Seconds of a processor until a gateway is ready: twice what is promised of a machine at rest."""


@dataclass
class Told:
    """What was acknowledged, by the index of its entry."""

    decisions: dict[int, str] = field(default_factory=dict)
    filed: dict[int, str] = field(default_factory=dict)
    stopped: dict[int, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{len(self.decisions)} decisions, {len(self.filed)} consents, {len(self.stopped)} stops"

    @property
    def counts(self) -> tuple[int, int]:
        """How many decisions, and how many acts of patients."""
        return len(self.decisions), len(self.filed) + len(self.stopped)


class Load(threading.Thread):
    """One who acts again and again, and notes what is acknowledged; a gateway that is away is waited for."""

    def __init__(self, told: Told) -> None:
        super().__init__()
        self.told = told
        self.failed: BaseException | None = None
        self.ended = threading.Event()

    def act(self) -> None:
        raise NotImplementedError

    def run(self) -> None:
        while not self.ended.is_set():
            try:
                self.act()
            except EnvironmentFault:
                self.ended.wait(0.1)
            except BaseException as exc:
                self.failed = exc
                return


class Asking(Load):
    """A clinic that asks for a patient's records."""

    def __init__(self, told: Told, clinic: GatewayClient, question: dict[str, Any]) -> None:
        super().__init__(told)
        self._clinic, self._question = clinic, question

    def act(self) -> None:
        answer = self._clinic.evaluate(self._question).context
        self.told.decisions[answer.log["index"]] = answer.evaluation


class Choosing(Load):
    """A patient who shares and stops."""

    def __init__(self, told: Told, patient: PatientClient, clinic: Person) -> None:
        super().__init__(told)
        self._patient, self._clinic = patient, clinic
        self._open: list[ConsentId] = []

    def act(self) -> None:
        if not self._open:
            wish = Wish(grantees=[self._clinic.did], purposes=["TREAT"])
            filed = self._patient.file(self._patient.draft(wish))
            self.told.filed[filed.index] = filed.consent
            self._open.append(filed.consent)
        stopped = self._patient.revoke(self._open[0])
        self.told.stopped[stopped.index] = self._open.pop()


@pytest.fixture(scope="module")
def place(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with ground(tmp_path_factory.mktemp("crash"), database_url=databases.empty()) as found:
        yield found


@pytest.mark.timeout(300 + 60 * KILLS)
def test_what_was_acknowledged_survives_kill_9_under_load(place: Ground) -> None:
    town, told, shared = place.town, Told(), place.share()
    auditor = town.admitted("Auditor", Role.AUDITOR)
    loads: list[Load] = [
        Asking(told, town.gateway(place.clinic), asked(place.clinic, shared.person)) for _ in range(2)
    ]
    loads.append(Choosing(told, town.patient(town.enrolled()), place.clinic))
    for load in loads:
        load.start()
    starts = []
    for number in range(KILLS):
        await_more(told, loads, MORE + number % 5)
        place.kill()
        starts.append(place.start())
    for load in loads:
        load.ended.set()
    for load in loads:
        load.join(60)
    assert [load.failed for load in loads] == [None] * len(loads)
    for name, seconds in zip(("elapsed", "of a processor"), zip(*starts, strict=True), strict=True):
        print(f"ready again: {median(seconds):.2f} s {name}, at most {max(seconds):.2f}")
    print(f"{KILLS} kills, acknowledged: {told}")
    found = entries(town.gateway(auditor), 1 + max(told.decisions | told.filed | told.stopped))
    assert told.decisions == {index: found[index]["evaluation"] for index in told.decisions}
    assert told.filed == {index: found[index]["consent"] for index in told.filed}
    assert {found[index]["kind"] for index in told.filed} <= {EntryKind.CONSENT_FILED}
    assert told.stopped == {index: found[index]["consent"] for index in told.stopped}
    assert {found[index]["kind"] for index in told.stopped} <= {EntryKind.CONSENT_REVOKED}
    place.audit(auditor)
    assert min(processor for _, processor in starts) <= SOON


def await_more(told: Told, loads: list[Load], count: int) -> None:
    """Until so many more decisions, and an act of the patient, were acknowledged; or somebody failed."""
    decisions, acts = told.counts

    def come() -> bool:
        now = told.counts
        return now[0] >= decisions + count and now[1] > acts

    eventually(lambda: come() or any(load.failed for load in loads))


def entries(auditor: GatewayClient, size: int) -> dict[int, dict[str, Any]]:
    """The log up to a size, opened; each look at it makes it longer."""
    found: dict[int, dict[str, Any]] = {}
    for start in range(0, size, 512):
        for one in auditor.entries(start, min(size, start + 512)):
            found[one.index] = decode((one.entry or "").encode())
    return found
