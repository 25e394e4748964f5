"""What Prometheus reads says how the gateway is, in names fixed beforehand, and nothing of anybody."""

import re
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from api import metrics
from api.app import create_app
from api.tallies import METHODS, Histogram
from ledger.chain.agreement import Agreement
from ledger.errors import StoreUnavailable
from ledger.log.entry import EntryKind
from ledger.records.blocks import LocalBlockStore
from ledger.records.replication import ReplicatedBlockStore
from ledger.service.gateway import Gateway
from tests.api.conftest import Scene
from tests.network import Network

CANARY = "canary-of-Jane-Doe"


def page(network: Network) -> str:
    """What a scrape reads."""
    registry = CollectorRegistry()
    for collector in network.stack.server.collectors:
        registry.register(collector)
    return generate_latest(registry).decode()


def families(text: str) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(network: Network, name: str, **labels: str) -> float:
    """The sum of the samples of a name with these labels."""
    return sum(
        sample.value
        for family in families(page(network)).values()
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def gateway_of(network: Network) -> Gateway:
    gateway: Gateway = network.stack.server.gateway
    return gateway


@pytest.fixture(scope="module")
def visited(scene: Scene) -> Scene:
    """After requests of every kind, with what names somebody wherever a caller can put it."""
    alice, clinic = scene.alice.did, scene.clinic.did
    question = {
        "subject": {"type": "participant", "id": clinic},
        "action": {"name": "access"},
        "resource": {"type": "patient", "id": alice},
        "context": {"purpose": ["TREAT"], "note": CANARY},
    }
    with scene.signed_in(scene.clinic) as client:
        client.headers["X-Request-ID"] = f"{CANARY}:{clinic}"
        for purpose in (["TREAT"], ["HRESCH"]):
            asked = {**question, "context": {"purpose": purpose}}
            assert client.post("/access/v1/evaluation", json=asked).status_code == 200
        client.post("/access/v1/evaluations", json={**question, "evaluations": [{}, {}]})
        client.post("/access/v1/evaluation", json={**question, "unknown": CANARY, "subject": {}})
        client.post("/v1/releases", json=scene.access_request(scene.clinic))
        client.get(f"/v1/participants/{clinic}", params={"token": CANARY})
        client.get(f"/v1/consents/{scene.consent}")
        client.get(f"/v1/blocks/{scene.roots[0]}")
        client.get(f"/{CANARY}/{alice}")
        client.options("/healthz")
    return scene


class TestPage:
    def test_it_parses_and_every_name_is_said_once(self, visited: Scene) -> None:
        text = page(visited.network)
        names = re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)
        assert len(names) == len(set(names))
        assert all(name.startswith("consent_") for name in names)
        assert len(families(text)) >= 25

    def test_it_names_nobody(self, visited: Scene) -> None:
        text = page(visited.network).lower()
        scene = visited
        named = [CANARY, scene.alice.did, scene.clinic.did, "did:", "0x", "Hill Clinic", scene.consent]
        named += [*scene.roots, *scene.tokens.values(), "127.0.0.1", "http://", "request_id"]
        named += [one.identity.account.address[2:] for one in (scene.alice, scene.clinic, scene.stranger)]
        assert [each for each in named if each.lower() in text] == []

    def test_every_label_is_of_a_closed_list(self, visited: Scene) -> None:
        app = create_app(gateway_of(visited.network))
        routes = {route.path for route in app.routes if isinstance(route, APIRoute)}
        closed: dict[str, set[str]] = {
            "route": {*routes, *map(str, app.openapi()["paths"]), "/docs", "/openapi.json", "other"},
            "method": {*METHODS, "other"},
            "kind": {str(kind) for kind in EntryKind},
            "outcome": {"PERMIT", "DENY", "NO_CONSENT"},
            "reason": {"consent", "excluded", "no_consent", "no_emergency_capsule", *metrics.NOT_READY},
            "part": {"chain", "log", "database"},
            "said": {"agree", "behind", "silent"},
            "mark": {str(mark) for mark in metrics.MARKS},
            "place": {"0"},
        }
        for family in families(page(visited.network)).values():
            for sample in family.samples:
                for label, said in sample.labels.items():
                    if label == "status":
                        assert re.fullmatch(r"0|[1-5]\d\d", said)
                    elif label in closed:
                        assert said in closed[label]
                    else:
                        assert label in ("le", "state", "version", "policy")

    def test_a_request_is_counted_under_its_template(self, visited: Scene) -> None:
        def counted(route: str, method: str = "GET", **more: str) -> float:
            labels = {"route": route, "method": method, **more}
            return value(visited.network, "consent_http_requests_total", **labels)

        assert counted("/access/v1/evaluation", "POST") >= 2
        assert counted("/access/v1/evaluation", "POST", status="400") >= 1
        assert counted("/access/v1/evaluations", "POST") >= 1
        assert counted("/v1/participants/{did}") >= 1
        assert counted("/v1/consents/{consent}") >= 1
        assert counted("other", status="404") >= 1

    def test_a_histogram_adds_up(self, visited: Scene) -> None:
        found = families(page(visited.network))["consent_http_request_seconds"].samples
        whole = [sample for sample in found if sample.labels["route"] == "/access/v1/evaluation"]
        good = [sample for sample in whole if sample.labels["status"] == "200"]
        buckets = [sample.value for sample in good if sample.name.endswith("_bucket")]
        assert buckets == sorted(buckets)
        (count,) = [sample.value for sample in good if sample.name.endswith("_count")]
        assert buckets[-1] == count
        (total,) = [sample.value for sample in good if sample.name.endswith("_sum")]
        assert 0 < total < 60 * count

    def test_decisions_and_commits_are_those_of_the_log(self, visited: Scene) -> None:
        for outcome in ("PERMIT", "NO_CONSENT"):
            before = value(visited.network, "consent_decisions_total", outcome=outcome)
            size = value(visited.network, "consent_log_size")
            purpose = "TREAT" if outcome == "PERMIT" else "HRESCH"
            asked = {
                "subject": {"type": "participant", "id": visited.clinic.did},
                "action": {"name": "access"},
                "resource": {"type": "patient", "id": visited.alice.did},
                "context": {"purpose": [purpose]},
            }
            with visited.signed_in(visited.clinic) as client:
                client.post("/access/v1/evaluation", json=asked)
            assert value(visited.network, "consent_decisions_total", outcome=outcome) == before + 1
            assert value(visited.network, "consent_log_size") == size + 1
        sums = value(visited.network, "consent_log_commit_entries_sum")
        assert sums == value(visited.network, "consent_log_entries_total")


class TestStanding:
    def test_a_gateway_that_is_well_says_so(self, visited: Scene) -> None:
        network = visited.network
        assert value(network, "consent_not_ready") == 0
        assert value(network, "consent_up") == 3
        assert value(network, "consent_block_store_up", place="0") == 1
        assert value(network, "consent_chain_nodes", said="agree") == 1
        assert 0 <= value(network, "consent_chain_head_age_seconds") < 60
        assert value(network, "consent_relayer_acts", state="final") > 0
        assert value(network, "consent_leader") == 1
        assert value(network, "consent_log_unanchored") <= value(network, "consent_log_size")

    def test_what_is_wrong_shows_and_the_rest_is_still_told(
        self, visited: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gateway = gateway_of(visited.network)

        def gone(*_: object) -> None:
            raise StoreUnavailable("the database does not answer", reason="database")

        monkeypatch.setattr(type(gateway.journal), "last_checkpoint", gone)
        monkeypatch.setattr("api.metrics.backlog", gone)
        agreement = Agreement(nodes=3, agree=1, behind=1, silent=1)
        monkeypatch.setattr(type(gateway.follower), "agreement", property(lambda _: agreement))
        assert value(visited.network, "consent_up", part="database") == 0
        assert value(visited.network, "consent_up", part="chain") == 1
        assert value(visited.network, "consent_not_ready", reason="database") == 1
        assert value(visited.network, "consent_chain_nodes", said="silent") == 1
        assert value(visited.network, "consent_log_size") > 0
        assert "consent_relayer_acts{" not in page(visited.network)

    def test_a_block_store_that_is_down_or_short_is_told_by_its_place(
        self, visited: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gateway = gateway_of(visited.network)
        sound, broken = LocalBlockStore(tmp_path / "one"), LocalBlockStore(tmp_path / "two")

        def fails(*_: object) -> None:
            raise StoreUnavailable("the disk is gone", reason="disk")

        for name in ("has", "put"):
            monkeypatch.setattr(broken, name, fails)
        both = ReplicatedBlockStore([sound, broken], factor=1)
        root = visited.roots[0]
        both.put(root, gateway.blocks.get(root))  # type: ignore[arg-type]
        standing = metrics.Standing(replace(gateway, blocks=both), lambda: False)
        told = {
            (sample.name, sample.labels.get("place", "")): sample.value
            for family in standing.collect()
            for sample in family.samples
        }
        assert told["consent_block_store_up", "0"] == 1
        assert told["consent_block_store_up", "1"] == 0
        assert told["consent_blocks_short_total", ""] == 1

    def test_a_gateway_that_stops_says_why_it_is_not_ready(self, visited: Scene) -> None:
        standing = metrics.Standing(gateway_of(visited.network), lambda: True)
        (family,) = [each for each in standing.collect() if each.name == "consent_not_ready"]
        assert {sample.labels["reason"] for sample in family.samples if sample.value} == {"stopping"}


class TestListener:
    def test_it_is_not_on_the_public_address(self, network: Network) -> None:
        assert httpx2.get(f"{network.stack.url}/metrics").status_code == 404
        assert network.stack.server.metrics_url == ""

    def test_it_listens_until_it_is_told_to_end(self, network: Network) -> None:
        with metrics.serving("127.0.0.1", 0, *network.stack.server.collectors) as url:
            answer = httpx2.get(url)
            assert answer.headers["Content-Type"].startswith("text/plain; version=")
            assert "process_resident_memory_bytes" in answer.text
            assert "consent_log_size" in answer.text
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(url)


def test_an_observation_counts_under_the_first_bound_that_it_is_not_above() -> None:
    tally = Histogram((1.0, 2.0))
    for observed in (0.5, 1.0, 1.5, 2.0, 9.0):
        tally.add(observed)
    assert (tally.counts, tally.total) == ([2, 2, 1], 14.0)
