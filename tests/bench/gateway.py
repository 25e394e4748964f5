"""gateway: access checks over HTTP, with the caller signed in, the real policy and the log durable.

A stack runs in a process of its own, as `consent up` starts it, and the load comes from a third one, over
loopback, on connections that are kept alive. Each check is for one record of one patient; one in five is for
a purpose that nobody consented to. A batch is a hundred checks of one patient. After each run the log must
have grown by exactly what was answered. The ceiling is the same framework with a constant answer.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from statistics import quantiles
from typing import Any
from urllib.parse import urlsplit

import httpx2
import msgspec

from ledger.client.drafting import Wish
from ledger.client.gateway import GatewayClient
from tests.api.conftest import sign_in
from tests.bench.load import Asked, Load, Told
from tests.bench.measure import Figures
from tests.bench.stack import served
from tests.network import Network, Person, eventually, small_bundle

PATIENTS = 20
BATCH = 100
WARM_UP, SECONDS = 2.0, 8.0
PERMITTED, REFUSED = '"decision":true', '"decision":false'
PEERS = {"check_rps_64": "framework_ceiling_rps"}


def run() -> Figures:
    """Requests and decisions a second, and milliseconds in the middle and of the slowest in a hundred."""
    with tempfile.TemporaryDirectory() as directory, served(Path(directory)) as network:
        scene = _Scene.in_(network)
        one, many = "/access/v1/evaluation", "/access/v1/evaluations"
        narrow = scene.measured(one, scene.checks(), connections=64)
        wide = scene.measured(one, scene.checks(), connections=256)
        batches = scene.measured(many, scene.batches(), connections=8)
    ceiling = _ceiling()
    return {
        "check_rps_64": _rate(narrow),
        "check_p50_ms_64": _percentile(narrow, 50),
        "check_p99_ms_64": _percentile(narrow, 99),
        "check_rps_256": _rate(wide),
        "check_p50_ms_256": _percentile(wide, 50),
        "check_p99_ms_256": _percentile(wide, 99),
        "batch_decisions_s": _rate(batches) * BATCH,
        "batch_p99_ms": _percentile(batches, 99),
        "framework_ceiling_rps": _rate(ceiling),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """Patients with records and a consent each, and the clinic that all of them name, signed in."""

    gateway: GatewayClient
    url: str
    clinic: Person
    token: str
    records: dict[str, list[str]]

    @classmethod
    def in_(cls, network: Network) -> "_Scene":
        clinic = network.admitted("Bench Clinic")
        asking = network.gateway(clinic)
        records: dict[str, list[str]] = {}
        for _ in range(PATIENTS):
            alice = network.enrolled()
            patient = network.patient(alice)
            published = patient.publish_bundle(small_bundle("Observation", "Condition"))
            patient.file(patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"])))
            records[str(alice.did)] = [str(record.root) for record in published]
        with httpx2.Client(base_url=network.stack.url) as client:
            token = sign_in(client, clinic)
        scene = cls(gateway=asking, url=network.stack.url, clinic=clinic, token=token, records=records)
        eventually(scene._all_permitted)
        return scene

    def measured(self, path: str, asked: list[Asked], *, connections: int) -> Told:
        """What came of a load, after the log has been found to hold every answer and nothing else."""
        before = self._log_size()
        told = _loaded(self.url, path, asked, token=self.token, connections=connections)
        grown, expected = self._log_size() - before, told.answers * asked[0].times
        if grown != expected:
            raise AssertionError(f"the log grew by {grown} and not by {expected}")
        return told

    def checks(self) -> list[Asked]:
        """Every record of everybody, each fifth for another purpose."""
        found = []
        purposes = cycle(["TREAT"] * 4 + ["HRESCH"])
        for did, root in ((did, root) for did, roots in self.records.items() for root in roots):
            purpose = next(purposes)
            body = json.dumps(self._question(did, root, purpose))
            found.append(Asked(body=body, holds=PERMITTED if purpose == "TREAT" else REFUSED, times=1))
        return found

    def batches(self) -> list[Asked]:
        """A hundred checks of one patient a body."""
        found = []
        for did, roots in self.records.items():
            whole = self._question(did, roots[0])
            one = [{"resource": self._question(did, root)["resource"]} for root in roots]
            body = {**whole, "evaluations": list(islice(cycle(one), BATCH))}
            found.append(Asked(body=json.dumps(body), holds=PERMITTED, times=BATCH))
        return found

    def _all_permitted(self) -> bool:
        firsts = ((did, roots[0]) for did, roots in self.records.items())
        return all(self.gateway.evaluate(self._question(did, root)).decision for did, root in firsts)

    def _question(self, patient: str, root: str, purpose: str = "TREAT") -> dict[str, Any]:
        return {
            "subject": {"type": "participant", "id": self.clinic.did},
            "action": {"name": "access"},
            "resource": {"type": "record", "id": root, "properties": {"patient": patient}},
            "context": {"purpose": [purpose]},
        }

    def _log_size(self) -> int:
        return int(self.gateway.checkpoint().split("\n")[1])


def _loaded(url: str, path: str, asked: list[Asked], *, token: str = "", connections: int) -> Told:
    where = urlsplit(url)
    load = Load(
        host=where.hostname or "",
        port=where.port or 0,
        path=path,
        token=token,
        connections=connections,
        warm_up=WARM_UP,
        seconds=SECONDS,
        asked=asked,
    )
    ended = subprocess.run(
        [sys.executable, "-m", "tests.bench.load"],
        input=msgspec.json.encode(load),
        stdout=subprocess.PIPE,
        check=True,
    )
    told = msgspec.json.decode(ended.stdout, type=Told)
    if told.wrong:
        raise AssertionError(f"not as expected: {told.wrong}")
    return told


def _ceiling() -> Told:
    with _constant() as url:
        body = json.dumps({"subject": {"type": "participant", "id": "x" * 60}})
        return _loaded(url, "/constant", [Asked(body=body, holds=PERMITTED, times=1)], connections=64)


@contextmanager
def _constant() -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.ceiling"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as serving:
        assert serving.stdout is not None
        yield f"http://127.0.0.1:{int(serving.stdout.readline())}"
        serving.terminate()


def _rate(told: Told) -> float:
    return len(told.taken) / SECONDS


def _percentile(told: Told, percent: int) -> float:
    return quantiles(told.taken, n=100, method="inclusive")[percent - 1] * 1000
