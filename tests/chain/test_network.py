"""Whether a node is good enough is found out by asking it, and said without its secrets."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from ledger.canonical import canonical
from ledger.chain.answers import Answer, Call
from ledger.chain.fitness import Examined, compare, examine
from ledger.chain.networks import NETWORKS, network_named
from ledger.chain.rpc import Rpc, shown
from ledger.errors import ChainUnreachable
from tests.chain.conftest import Chain
from tests.chain.liars import Liar, Twist, honest
from tests.chain.test_follower import record

QUESTIONS = [
    *("chain", "head", "tags", "proofs", "batch", "range", "events", "states", "transactions", "fees"),
    "latency",
]


def asked(chain: Chain, twist: Twist, *, late: int = 0, network: str | None = None) -> Examined:
    node = Liar(chain.devnet.url, twist)
    tip = node.block("latest")
    assert tip is not None
    try:
        return examine(
            node,
            now=tip.timestamp + late,
            network=None if network is None else network_named(network),
            deployment=chain.deployment,
        )
    finally:
        node.close()


def verdicts(examined: Examined) -> dict[str, str]:
    """What is not ok."""
    return {one.name: one.verdict for one in examined.findings if one.verdict != "ok"}


def refusing(*methods: str) -> Twist:
    return lambda call, value: Answer(error=-32601) if call[0] in methods else value


def without(tag: str) -> Twist:
    return lambda call, value: None if call[1][:1] == (tag,) else value


def pruned(method: str, place: int) -> Twist:
    """A node that knows nothing below block 4."""

    def twist(call: Call, value: Any) -> Any:  # noqa: ANN401
        if call[0] != method:
            return value
        number = call[1][0]["fromBlock"] if isinstance(call[1][0], dict) else call[1][place]
        return Answer(error=-32000) if number.startswith("0x") and int(number, 16) < 4 else value

    return twist


def test_a_full_node_is_fit(chain: Chain) -> None:
    record(chain)
    examined = asked(chain, honest)
    assert [one.name for one in examined.findings] == QUESTIONS
    assert verdicts(examined) == {}
    assert examined.fit


@pytest.mark.parametrize(
    ("twist", "found"),
    [
        (without("finalized"), {"tags": "weak"}),
        (pruned("eth_getLogs", 0), {"range": "weak", "events": "unfit"}),
        (pruned("eth_getBalance", 1), {"states": "weak"}),
        (refusing("eth_getBlockReceipts"), {"proofs": "unfit"}),
        (refusing("eth_getLogs"), {"range": "unfit", "events": "unfit"}),
        (refusing("eth_getTransactionReceipt"), {"transactions": "unfit"}),
        (refusing("eth_getTransactionByHash"), {"transactions": "unfit"}),
        (refusing("eth_estimateGas"), {"fees": "unfit"}),
        (refusing("eth_maxPriorityFeePerGas"), {"fees": "weak"}),
    ],
)
def test_what_a_node_cannot_do_is_told(chain: Chain, twist: Twist, found: dict[str, str]) -> None:
    record(chain)
    examined = asked(chain, twist)
    assert verdicts(examined) == found
    assert examined.fit == ("unfit" not in found.values())
    assert all(one.fix for one in examined.findings if one.verdict == "unfit")


def test_a_stale_head_and_another_network_are_unfit(chain: Chain) -> None:
    record(chain)
    assert verdicts(asked(chain, honest, late=61)) == {"head": "unfit"}
    assert verdicts(asked(chain, honest, network="sepolia")) == {"chain": "unfit"}


def test_a_limit_on_batches_is_found(chain: Chain) -> None:
    record(chain)

    class Small(Liar):
        def batch(self, calls: Any) -> list[Answer]:  # noqa: ANN401
            if len(calls) > 20:
                raise ChainUnreachable("no", reason="too_large")
            return super().batch(calls)

    node = Small(chain.devnet.url, honest)
    examined = examine(node, now=0.0, deployment=chain.deployment)
    (batch,) = (one for one in examined.findings if one.name == "batch")
    assert (batch.verdict, batch.found) == ("unfit", "10 calls in one request")
    node.close()


def test_nodes_that_contradict_each_other_are_told(chain: Chain) -> None:
    liar = Liar(
        chain.devnet.url,
        lambda call, value: (
            value | {"hash": "0x" + "11" * 32} if call[0] == "eth_getBlockByNumber" and value else value
        ),
    )
    true, false = (node.block("latest") for node in (chain.rpc, liar))
    one = (chain.rpc, Examined(findings=[], chain_id=31337, head=true))
    other = (liar, Examined(findings=[], chain_id=31337, head=false))
    elsewhere = (chain.rpc, Examined(findings=[], chain_id=1, head=true))
    assert compare([one]) is None
    assert [found and found.verdict for found in (compare([one, one]), compare([one, other]))] == [
        "ok",
        "unfit",
    ]
    found = compare([one, elsewhere])
    assert found is not None
    assert found.verdict == "unfit"
    liar.close()


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://node.example/v3/0123456789", "https://node.example/..."),
        ("https://me:secret@node.example:8545", "https://node.example:8545"),
        ("https://node.example/?key=1", "https://node.example/..."),
        ("http://127.0.0.1:8545/", "http://127.0.0.1:8545"),
    ],
)
def test_what_is_shown_of_a_url_is_no_secret(url: str, text: str) -> None:
    assert shown(url) == text


@pytest.fixture
def consent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    """Run a command; its exit code and what it printed."""
    monkeypatch.setenv("CONSENT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CONSENT_RPC", raising=False)

    def run(*words: str) -> tuple[int, str]:
        code = main(["network", *words])
        return code, capsys.readouterr().out

    return run


def test_a_fit_node_is_checked_with_exit_code_0(
    chain: Chain, tmp_path: Path, consent: Callable[..., Any]
) -> None:
    chain.devnet.stop()
    chain.devnet.start()  # its last block is of now
    chain.mine(3)
    deployment = tmp_path / "deployment.json"
    deployment.write_bytes(canonical(chain.deployment.to_json()))
    code, out = consent("check", chain.devnet.url, "--deployment", str(deployment), "--network", "devnet")
    assert code == 0, out
    assert out.startswith(f"{chain.devnet.url}: fit")
    code, out = consent("check", chain.devnet.url, chain.devnet.url, "--json")
    answer = json.loads(out)
    assert (code, answer["ok"], answer["agreement"]["verdict"]) == (0, True, "ok")


def test_an_unfit_or_silent_node_has_exit_code_3_and_keeps_its_key(
    chain: Chain, consent: Callable[..., Any]
) -> None:
    code, out = consent("check", "http://127.0.0.1:9/v3/hidden")
    assert code == 3
    assert "hidden" not in out
    assert "unfit" in out
    chain.mine()
    code, out = consent("check", chain.devnet.url, "--network", "hoodi")
    assert code == 3
    assert "Use a node of hoodi." in out


def test_no_node_and_no_such_network_are_wrong_requests(consent: Callable[..., Any]) -> None:
    assert consent("check")[0] == 2
    assert consent("check", "http://127.0.0.1:9", "--network", "mars")[0] == 2
    assert consent("check", "ftp://127.0.0.1")[0] == 2


def test_every_network_is_listed(consent: Callable[..., Any]) -> None:
    code, out = consent("list", "--json")
    assert code == 0
    assert [one["name"] for one in json.loads(out)["networks"]] == [network.name for network in NETWORKS]
    assert all(network.name in consent("list")[1] for network in NETWORKS)


def test_nothing_is_asked_of_a_node_without_a_block() -> None:
    class Empty(Rpc):
        def batch(self, calls: Any) -> list[Answer]:  # noqa: ANN401
            return [Answer(result="0x1" if method == "eth_chainId" else None) for method, _ in calls]

    examined = examine(Empty("http://127.0.0.1:9"), now=0.0)
    assert (examined.fit, examined.chain_id, len(examined.findings)) == (False, 1, 1)
