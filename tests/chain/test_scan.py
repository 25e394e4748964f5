"""A span is believed only if nothing of it was left out, made up or changed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from contracts import artifact
from ledger.chain import calls
from ledger.chain.answers import Answer, Call
from ledger.chain.calls import ANCHOR, DIRECTORY, REGISTRY
from ledger.chain.events import SIGNATURES
from ledger.chain.omissions import EMITTERS
from ledger.chain.ranges import Window
from ledger.chain.scan import Span, read_blocks, read_events, read_logs
from ledger.errors import ChainUnreachable
from tests.chain.conftest import Chain, account
from tests.chain.liars import Liar, Twist, changed_logs, honest

PATIENT = account("controller")
Read = Callable[[Liar, Chain, int], Span | None]


def by_block(node: Liar, chain: Chain, end: int) -> Span | None:
    return read_blocks(node, chain.deployment, chain.deployment.block, end)


def by_range(node: Liar, chain: Chain, end: int) -> Span | None:
    return read_events(node, chain.deployment, chain.deployment.block, end, thorough=True)


def by_sample(node: Liar, chain: Chain, end: int) -> Span | None:
    return read_events(node, chain.deployment, chain.deployment.block, end)


def recorded(chain: Chain, *terms: int) -> int:
    """Consents in one block, and one on top; the number of the last."""
    items = [chain.consent(PATIENT, bytes([term]) * 32) for term in terms]
    receipt = chain.send(chain.owner, chain.deployment.registry, calls.record_batch(items))
    chain.mine()
    return receipt.number + 1


def refusal(chain: Chain, twist: Twist, read: Read, end: int) -> str:
    """Why a span from a node with this twist is refused; "moved" if it is to be asked for again."""
    node = Liar(chain.devnet.url, twist)
    try:
        return "moved" if read(node, chain, end) is None else "believed"
    except ChainUnreachable as exc:
        return exc.reason
    finally:
        node.close()


def header(change: dict[str, Any]) -> Twist:
    """Another header for every block asked for by number."""
    return lambda call, value: value | change if call[0] == "eth_getBlockByNumber" else value


ALL: list[Read] = [by_block, by_range, by_sample]
FLIPPED = "0x" + "00" * 31 + "01"


@pytest.mark.parametrize("read", ALL)
def test_the_truth_is_believed(chain: Chain, read: Read) -> None:
    end = recorded(chain, 1, 2)
    assert refusal(chain, honest, read, end) == "believed"


@pytest.mark.parametrize("read", ALL)
@pytest.mark.parametrize(
    "change",
    [
        lambda logs: [],
        lambda logs: logs[:1],
        lambda logs: [log for log in logs if len(log["topics"]) < 3],
    ],
    ids=["all", "all but the first", "all of a kind"],
)
def test_events_that_are_left_out_are_missed(
    chain: Chain, read: Read, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]
) -> None:
    end = recorded(chain, 1, 2)
    assert refusal(chain, changed_logs(change), read, end) == "logs_missing"


@pytest.mark.parametrize(
    "change",
    [
        lambda logs: logs[:-1],
        lambda logs: [*logs[:-1], logs[-1] | {"data": "0x" + "00" * 63 + "01"}],
        lambda logs: [*logs[:-1], logs[-1] | {"transactionHash": FLIPPED}],
        lambda logs: [*logs[:-1], logs[-1] | {"topics": [*logs[-1]["topics"][:2], "0x" + "00" * 32]}],
    ],
    ids=["one of two is missing", "other data", "another transaction", "another controller"],
)
def test_near_the_head_every_event_is_proved(
    chain: Chain, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]
) -> None:
    end = recorded(chain, 1, 2)
    assert refusal(chain, changed_logs(change), by_block, end) == "logs_missing"


@pytest.mark.parametrize("read", ALL)
def test_an_event_about_another_consent_is_refused(chain: Chain, read: Read) -> None:
    end = recorded(chain, 1, 2)
    twist = changed_logs(
        lambda logs: [
            *logs[:-1],
            logs[-1] | {"topics": [logs[-1]["topics"][0], "0x" + "77" * 32, *logs[-1]["topics"][2:]]},
        ]
    )
    assert refusal(chain, twist, read, end) == "logs_missing"


@pytest.mark.parametrize("read", ALL)
def test_an_event_twice_is_refused(chain: Chain, read: Read) -> None:
    end = recorded(chain, 1)
    assert refusal(chain, changed_logs(lambda logs: [*logs, logs[-1]]), read, end) == "bad_answer"


@pytest.mark.parametrize("read", ALL)
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"timestamp": "0x1"}, "bad_hash"),
        ({"logsBloom": "0x" + "00" * 256}, "bad_hash"),
        ({"receiptsRoot": FLIPPED}, "bad_hash"),
        ({"hash": FLIPPED}, "bad_hash"),
        ({"somethingNew": "0x1"}, "believed"),
        ({"requestsHash": None}, "bad_hash"),
        ({"number": "0x1"}, "bad_answer"),
        ({"number": "0x" + "f" * 5000}, "bad_answer"),
        ({"logsBloom": None}, "bad_answer"),
    ],
)
def test_a_header_that_does_not_hash_to_its_hash_is_refused(
    chain: Chain, read: Read, change: dict[str, Any], reason: str
) -> None:
    end = recorded(chain, 1)
    assert refusal(chain, header(change), read, end) == reason


def test_a_false_filter_is_no_way_to_hide_events(chain: Chain) -> None:
    end = recorded(chain, 1)

    def hide(call: Call, value: Any) -> Any:  # noqa: ANN401
        return [] if call[0] == "eth_getLogs" else header({"logsBloom": "0x" + "00" * 256})(call, value)

    assert refusal(chain, hide, by_block, end) == "bad_hash"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda receipts: [], "bad_receipts"),
        (lambda receipts: receipts[:-1], "bad_receipts"),
        (lambda receipts: [receipts[0] | {"logs": []}], "bad_receipts"),
        (lambda receipts: [receipts[0] | {"status": "0x0"}], "bad_receipts"),
        (lambda receipts: [1], "bad_answer"),
        (lambda receipts: None, "bad_receipts"),
        (lambda receipts: Answer(error=-32601), "receipts_refused"),
    ],
)
def test_receipts_that_are_not_the_blocks_prove_nothing(
    chain: Chain, change: Callable[[list[dict[str, Any]]], Any], reason: str
) -> None:
    end = recorded(chain, 1)
    twist: Twist = lambda call, value: change(value) if call[0] == "eth_getBlockReceipts" else value  # noqa: E731
    assert refusal(chain, twist, by_block, end) == reason


def test_what_is_final_is_not_proved_unless_in_doubt(chain: Chain) -> None:
    end = recorded(chain, 1)
    node = Liar(chain.devnet.url, honest)
    read_blocks(node, chain.deployment, end - 1, end, final=end)
    assert "eth_getBlockReceipts" not in {method for method, _ in node.asked}
    read_blocks(node, chain.deployment, end - 1, end)
    assert "eth_getBlockReceipts" in {method for method, _ in node.asked}
    node.close()


@pytest.mark.parametrize("code", [-32005, -32602, -32000])
def test_a_range_that_a_node_refuses_is_read_in_parts(chain: Chain, code: int) -> None:
    chain.mine(40)
    end = recorded(chain, 1)
    whole = read_logs(chain.rpc, chain.deployment, 0, end)

    def at_most_five(call: Call, value: Any) -> Any:  # noqa: ANN401
        if call[0] != "eth_getLogs":
            return value
        asked = call[1][0]
        return value if int(asked["toBlock"], 16) - int(asked["fromBlock"], 16) < 5 else Answer(error=code)

    node, window = Liar(chain.devnet.url, at_most_five), Window(10_000)
    assert read_logs(node, chain.deployment, 0, end, window) == whole
    assert window.blocks <= 5
    asked = len(node.asked)
    assert read_logs(node, chain.deployment, 0, end, window) == whole
    assert len(node.asked) - asked <= end // 3
    node.close()


def test_a_node_that_gives_no_events_at_all_is_told_so_soon(chain: Chain) -> None:
    chain.mine(40)
    for code, reason, most in ((-32601, "events_refused", 1), (-32005, "events_refused", 20)):
        node = Liar(chain.devnet.url, only_errors(code))
        with pytest.raises(ChainUnreachable) as refused:
            read_logs(node, chain.deployment, 0, 40)
        assert refused.value.reason == reason
        assert len(node.asked) <= most
        node.close()


def test_events_of_other_contracts_and_blocks_are_refused(chain: Chain) -> None:
    end = recorded(chain, 1)
    elsewhere = replace(chain.deployment, registry=account("nobody").address)
    node = Liar(chain.devnet.url, honest)
    logs = read_logs(node, chain.deployment, 0, end)
    strange = Liar(chain.devnet.url, changed_logs(lambda _: node.request(*_asked(chain, 0, end))))
    for deployment, start in ((elsewhere, 0), (chain.deployment, end)):
        with pytest.raises(ChainUnreachable) as refused:
            read_logs(strange, deployment, start, end)
        assert refused.value.reason == "bad_answer"
    assert logs
    node.close()
    strange.close()


def only_errors(code: int) -> Twist:
    return lambda call, value: Answer(error=code) if call[0] == "eth_getLogs" else value


def _asked(chain: Chain, start: int, end: int) -> tuple[str, dict[str, Any]]:
    addresses = list(chain.deployment.addresses)
    return "eth_getLogs", {"fromBlock": hex(start), "toBlock": hex(end), "address": addresses}


def test_every_event_that_is_read_has_its_contract() -> None:
    contracts = {"registry": REGISTRY, "directory": DIRECTORY, "anchor": ANCHOR}
    for name, emitted in EMITTERS.items():
        known = {entry["name"] for entry in artifact(contracts[name]).abi if entry["type"] == "event"}
        assert set(emitted) <= known
    assert {name for emitted in EMITTERS.values() for name in emitted} == {
        signature.partition("(")[0] for signature in SIGNATURES
    }
