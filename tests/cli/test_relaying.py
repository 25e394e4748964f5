"""`consent relayer`: an operator sees what is on its way, holds it back, and lets it go on."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from api.server import Server
from api.settings import GatewaySettings
from api.stack import Stack
from cli.shapes.relayer import ActsPart, FeesPart, MarkPart, RelayerStatus
from cli.views.relayer import status_text
from ledger.chain.rpc import Rpc
from ledger.client.accrediting import Accreditor
from ledger.client.config import Config
from ledger.client.drafting import Wish
from ledger.crypto.identity import Account
from ledger.errors import ChainUnreachable
from ledger.ids import ConsentId
from ledger.service.keys import read_key
from ledger.store.acts import State
from tests.cli.support import Consent
from tests.network import Network, Person, eventually, small_bundle

pytestmark = pytest.mark.chain


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    state = tmp_path_factory.mktemp("relayer") / "state"
    with Stack(state, anchor_interval=86_400) as stack, ExitStack() as closing:
        config = Config.parse(stack.network.read_bytes())
        accreditor = Accreditor(config, Account.from_key(read_key(stack.accreditor_key)))
        yield Network(stack=stack, config=config, accreditor=accreditor, closing=closing)


def given(network: Network, *words: str) -> list[str | Path]:
    return ["relayer", *words, "--state", network.stack.state]


def filed(network: Network, person: Person, clinic: Person) -> ConsentId:
    patient = network.patient(person)
    return patient.file(patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"]))).consent


def state_of(network: Network, consent: ConsentId, kind: str) -> State | None:
    found = network.stack.server.gateway.relayer.status(consent, kind)
    return None if found is None else found.state


def test_a_running_gateway_is_drained_but_for_stops_and_goes_on(network: Network, consent: Consent) -> None:
    clinic, alice = network.admitted("Drained Clinic"), network.enrolled()
    network.patient(alice).publish_bundle(small_bundle("Observation"))
    first = filed(network, alice, clinic)
    network.wait_active(first)
    drained = consent(*given(network, "drain"), "--json")
    assert drained.code == 0, drained.out
    assert drained.answer["stops_waiting"] == 0
    waiting = filed(network, alice, clinic)
    network.patient(alice).revoke(first)
    eventually(lambda: state_of(network, first, "revocation") in (State.SEEN, State.FINAL))
    assert state_of(network, waiting, "recording") is State.INTENDED
    shown = consent(*given(network, "status"), "--json").answer
    assert not shown["ok"]
    assert shown["drained_since"].endswith("Z")
    assert shown["acts"]["waiting"] == 1
    assert shown["oldest_waiting_seconds"] >= 0
    resumed = consent(*given(network, "resume"), "--json").answer
    assert resumed["ended"] == ["drained"]
    network.wait_active(waiting)
    assert consent(*given(network, "resume"), "--json").answer["ended"] == []


def test_the_status_is_that_of_account_and_chain(network: Network, consent: Consent) -> None:
    gateway = network.stack.server.gateway
    shown = consent(*given(network, "status"), "--json").answer
    rpc = Rpc(network.stack.rpc_url)
    assert shown["account"] == gateway.account
    assert int(shown["balance"]) == rpc.balance(gateway.account)
    assert shown["pays_for"] > 1000
    assert shown["nonces"]["chain"] == rpc.nonce(gateway.account) == shown["nonces"]["ours"]
    rpc.close()
    assert shown["ok"]
    assert shown["faults"] == []
    text = consent(*given(network, "status")).out
    assert text.startswith("All is well.\n")
    assert gateway.account in text


def test_without_a_node_it_shows_what_the_database_tells(network: Network, consent: Consent) -> None:
    away = consent(*given(network, "status"), "--rpc", "http://127.0.0.1:9", "--json").answer
    assert [fault["name"] for fault in away["faults"]] == ["no_answer"]
    assert "balance" not in away
    assert "the node does not answer" in consent(*given(network, "status"), "--rpc", "http://127.0.0.1:9").out


def test_where_there_is_no_gateway_it_says_so(consent: Consent, tmp_path: Path) -> None:
    words = ["relayer", "status", "--state", tmp_path, "--rpc", "http://127.0.0.1:9", "--json"]
    ran = consent(*words, "--deployment", tmp_path / "deployment.json")
    assert ran.code == 2
    assert not (tmp_path / "gateway.sqlite").exists()


def test_a_gateway_does_not_start_beside_a_node_of_another_chain(network: Network, tmp_path: Path) -> None:
    deployment = network.config.deployment
    elsewhere = tmp_path / "deployment.json"
    text = (network.stack.state / "deployment.json").read_text()
    elsewhere.write_text(text.replace(f'"chain_id":{deployment.chain_id}', '"chain_id":31338'))
    settings = GatewaySettings(
        state=tmp_path / "state", rpc=network.stack.rpc_url, deployment=elsewhere, port=0
    )
    settings.state.mkdir(mode=0o700)
    with pytest.raises(ChainUnreachable) as refused, Server(settings):
        pass
    assert refused.value.reason == "wrong_chain"
    assert "--rpc" in refused.value.fix or "RPC" in refused.value.fix


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("fees_above_cap", "stops neither"),
        ("foreign_nonce", "change it"),
        ("over_quota", "only stops go out"),
        ("other_chain", "another chain of the same number"),
    ],
)
def test_a_fault_is_told_in_words(fault: str, told: str) -> None:
    status = RelayerStatus(
        account="0x" + "1" * 40,
        chain_id=1,
        ok=False,
        acts=ActsPart(waiting=1, sent=0, seen=0, final=2, failed=0, given_up=0),
        stops_waiting=1,
        fees=FeesPart(cap=str(10**12)),
        faults=[MarkPart(name=fault, since="2026-03-01T00:00:00Z", detail="7")],
    )
    text = status_text(status)
    assert text.startswith("1 fault.")
    assert told in text
    assert f"{fault} (7)" in text
