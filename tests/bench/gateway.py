"""gateway: access checks over HTTP, with the caller signed in, the real policy and the log durable.

A stack runs in a process of its own, as `consent up` starts it, and the load comes from a third one, over
loopback, on connections that are kept alive. Each check is for one record of one patient; one in five is for
a purpose that nobody consented to. A batch is a hundred records of one patient, in one entry. After each run
the log must have grown by exactly what was answered. The ceiling is the same framework with a constant
answer. On a machine that does other things too, what holds is the processor time that an answer took.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from statistics import quantiles
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

import httpx2
import msgspec

from ledger.canonical import canonical, parse_object
from ledger.client.drafting import Wish
from ledger.client.gateway import GatewayClient
from tests.api.conftest import sign_in
from tests.bench.load import Asked, Load, Told
from tests.bench.measure import Figures
from tests.bench.stack import served
from tests.network import Network, Person, eventually, small_bundle
from tests.nodes.postgres import Postgres

PATIENTS = int(os.environ.get("CONSENT_BENCH_PATIENTS", "20"))
RICH, BATCH = 2, 100
WARM_UP, SECONDS = 2.0, 8.0
PERMITTED, REFUSED = '"decision":true', '"decision":false'
ONE, MANY = "/access/v1/evaluation", "/access/v1/evaluations"
PEERS = {"check_rps_64": "framework_ceiling_rps", "check_cpu_us": "framework_cpu_us"}


def run() -> Figures:
    """Requests and decisions a second, and milliseconds in the middle and of the slowest in a hundred."""
    with tempfile.TemporaryDirectory() as directory, served(Path(directory)) as network:
        scene = _Scene.in_(network)
        narrow = scene.measured(ONE, scene.checks(), connections=64)
        wide = scene.measured(ONE, scene.checks(), connections=256)
        batches = scene.measured(MANY, scene.batches(), connections=8)
    ceiling = _ceiling()
    return {
        "check_rps_64": narrow.rate,
        "check_p50_ms_64": narrow.percentile(50),
        "check_p99_ms_64": narrow.percentile(99),
        "check_cpu_us": narrow.cpu_us,
        "check_rps_256": wide.rate,
        "check_p50_ms_256": wide.percentile(50),
        "check_p99_ms_256": wide.percentile(99),
        "batch_decisions_s": batches.rate * BATCH,
        "batch_p99_ms": batches.percentile(99),
        "batch_cpu_us_each": batches.cpu_us / BATCH,
        "framework_ceiling_rps": ceiling.rate,
        "framework_cpu_us": ceiling.cpu_us,
        "load_cpu_us": narrow.told.cpu * 1e6 / narrow.told.answers,
        **_on_postgres(),
    }


def _on_postgres() -> Figures:
    with (
        Postgres() as server,
        tempfile.TemporaryDirectory() as directory,
        served(Path(directory), CONSENT_DATABASE_URL=server.create_empty()) as network,
    ):
        scene = _Scene.in_(network)
        narrow = scene.measured(ONE, scene.checks(), connections=64)
    return {
        "pg_check_rps_64": narrow.rate,
        "pg_check_p99_ms_64": narrow.percentile(99),
        "pg_check_cpu_us": narrow.cpu_us,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What a load was told, and the processor seconds that the server spent on it."""

    told: Told
    server_cpu: float

    @property
    def rate(self) -> float:
        return len(self.told.taken) / SECONDS

    @property
    def cpu_us(self) -> float:
        """Of the server, for each answer, with all that it does beside."""
        return self.server_cpu * 1e6 / self.told.answers

    def percentile(self, percent: int) -> float:
        return quantiles(self.told.taken, n=100, method="inclusive")[percent - 1] * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """Patients with records and a consent each, and the clinic that all of them name, signed in."""

    gateway: GatewayClient
    url: str
    pid: int
    clinic: Person
    token: str
    records: dict[str, list[str]]

    @classmethod
    def in_(cls, network: Network) -> "_Scene":
        clinic = network.admitted("Bench Clinic")
        asking = network.gateway(clinic)
        records: dict[str, list[str]] = {}
        for number in range(PATIENTS + RICH):
            alice = network.enrolled()
            patient = network.patient(alice)
            bundle = _rich_bundle() if number < RICH else small_bundle("Observation", "Condition")
            published = patient.publish_bundle(bundle)
            patient.file(patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"])))
            records[str(alice.did)] = [str(record.root) for record in published]
        with httpx2.Client(base_url=network.stack.url) as client:
            token = sign_in(client, clinic)
        scene = cls(
            gateway=asking,
            url=network.stack.url,
            pid=cast("_Process", network.stack).pid,
            clinic=clinic,
            token=token,
            records=records,
        )
        eventually(scene._all_permitted)
        return scene

    def measured(self, path: str, asked: list[Asked], *, connections: int) -> _Run:
        """What came of a load, after the log has been found to hold every answer and nothing else."""
        before = self._log_size()
        run = _loaded(self.url, self.pid, path, asked, token=self.token, connections=connections)
        grown, expected = self._log_size() - before, run.told.answers
        if grown != expected:
            raise AssertionError(f"the log grew by {grown} and not by {expected}")
        return run

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
        """A hundred records of one patient a body."""
        found = []
        for did, roots in self.records.items():
            if len(roots) < BATCH:
                continue
            whole = self._question(did, roots[0])
            one = [{"resource": self._question(did, root)["resource"]} for root in roots[:BATCH]]
            body = {**whole, "evaluations": one}
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


class _Process(Protocol):
    pid: int


def _rich_bundle() -> bytes:
    """The Patient of the sample bundle with one observation a year, each a record of its own."""
    bundle = parse_object(small_bundle("Observation"))
    patient = [one for one in bundle["entry"] if one["resource"]["resourceType"] == "Patient"]
    sample = next(one for one in bundle["entry"] if one["resource"]["resourceType"] == "Observation")
    made = [
        {
            **sample,
            "fullUrl": f"urn:uuid:00000000-0000-4000-8000-{year:012d}",
            "resource": {
                **sample["resource"],
                "id": f"year-{year}",
                "effectiveDateTime": f"{year}-01-02",
            },
        }
        for year in range(1920, 1920 + BATCH)
    ]
    return canonical({**bundle, "entry": patient + made})


def _loaded(url: str, pid: int, path: str, asked: list[Asked], *, token: str = "", connections: int) -> _Run:
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
    before = _cpu_seconds(pid)
    ended = subprocess.run(
        [sys.executable, "-m", "tests.bench.load"],
        input=msgspec.json.encode(load),
        stdout=subprocess.PIPE,
        check=True,
    )
    spent = _cpu_seconds(pid) - before
    told = msgspec.json.decode(ended.stdout, type=Told)
    if told.wrong:
        raise AssertionError(f"not as expected: {told.wrong}")
    return _Run(told=told, server_cpu=spent)


def _cpu_seconds(pid: int) -> float:
    """What a process has spent since it began, in user and in system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _ceiling() -> _Run:
    with _constant() as (url, pid):
        body = json.dumps({"subject": {"type": "participant", "id": "x" * 60}})
        asked = [Asked(body=body, holds=PERMITTED, times=1)]
        return _loaded(url, pid, "/constant", asked, connections=64)


@contextmanager
def _constant() -> Iterator[tuple[str, int]]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.ceiling"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as serving:
        assert serving.stdout is not None
        yield f"http://127.0.0.1:{int(serving.stdout.readline())}", serving.pid
        serving.terminate()
