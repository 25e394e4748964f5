"""kill -9 while everybody acts: what was acknowledged is there, the log is one, and the gateway is soon back."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from statistics import median

import pytest
from sqlalchemy import select

from ledger.client.drafting import Wish
from ledger.client.patient import PatientClient
from ledger.client.provider import ProviderClient
from ledger.errors import EnvironmentFault
from ledger.ids import ConsentId
from ledger.log.checkpoint import open_note
from ledger.log.merkle import root_of
from ledger.store.database import Database
from ledger.store.tables import consents, log_entries
from tests.databases import Databases
from tests.faults.ground import Ground, ground
from tests.network import Person, eventually

KILLS = int(os.environ.get("CONSENT_GATEWAY_KILLS", "2"))
SOON = 30
"""Seconds within which a gateway is back; a machine that does nothing else takes a tenth."""


@dataclass
class Told:
    """What was acknowledged: entries by index, consents filed and consents stopped."""

    entries: dict[int, str] = field(default_factory=dict)
    filed: dict[ConsentId, int] = field(default_factory=dict)
    stopped: dict[ConsentId, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.entries) + len(self.filed) + len(self.stopped)


@pytest.fixture(scope="module")
def place(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with ground(tmp_path_factory.mktemp("crash"), database_url=databases.empty()) as found:
        yield found


class Load(threading.Thread):
    """One who acts again and again, and notes what is acknowledged. A gateway that is away is waited for."""

    def __init__(self, told: Told) -> None:
        super().__init__()
        self.told = told
        self.failed: BaseException | None = None
        self._ended = threading.Event()
        self.start()

    def act(self) -> None:
        raise NotImplementedError

    def run(self) -> None:
        while not self._ended.is_set():
            try:
                self.act()
            except EnvironmentFault:
                self._ended.wait(0.05)
            except BaseException as exc:
                self.failed = exc
                return

    def end(self) -> None:
        self._ended.set()
        self.join(60)
        if self.failed is not None:
            raise self.failed


class Asking(Load):
    """A clinic that asks."""

    def __init__(self, told: Told, clinic: ProviderClient, person: Person) -> None:
        self._clinic, self._person = clinic, person
        super().__init__(told)

    def act(self) -> None:
        decision = self._clinic.evaluate(self._person.did, purposes=["TREAT"])
        self.told.entries[decision.log["index"]] = decision.log["receipt"]["leaf"]


class Choosing(Load):
    """A patient who shares and stops."""

    def __init__(self, told: Told, patient: PatientClient, clinic: Person) -> None:
        self._patient, self._clinic = patient, clinic
        super().__init__(told)

    def act(self) -> None:
        wish = Wish(grantees=[self._clinic.did], purposes=["TREAT"])
        filed = self._patient.file(self._patient.draft(wish))
        self.told.filed[filed.consent] = filed.index
        stopped = self._patient.revoke(filed.consent)
        self.told.stopped[filed.consent] = stopped.index
