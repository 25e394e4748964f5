"""Several nodes are believed only while none of them contradicts another."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ledger.chain.agreement import REST_SECONDS, Agreement
from ledger.chain.answers import Answer, Call
from ledger.chain.follower import Follower
from ledger.chain.index import ChainState
from ledger.chain.reader import read_chain
from ledger.chain.rpc import Rpc
from ledger.chain.sealed import hash_of
from ledger.errors import ChainUnreachable, Undecidable
from ledger.store.chain import ChainStore
from ledger.store.database import Database
from tests.chain.conftest import Chain, Clock
from tests.chain.liars import Liar, Several, Twist, changed_logs, honest
from tests.chain.test_follower import PATIENT, TERMS, record, revoke

Follow = Callable[..., Follower]


@pytest.fixture
def follow(chain: Chain, clock: Clock, database: Callable[[], Database]) -> Iterator[Follow]:
    """A follower of the honest node and of others, each with its twist; the honest one last."""
    opened: list[Rpc] = []

    def start(*twists: Twist) -> Follower:
        nodes = [Liar(chain.devnet.url, twist) for twist in (*twists, honest)]
        opened.extend(nodes)
        return Follower(Several(nodes), chain.deployment, ChainStore(database()), clock)

    yield start
    for rpc in opened:
        rpc.close()


def silent(_: Call, __: Any) -> Any:  # noqa: ANN401
    raise ChainUnreachable("no", reason="no_answer")


def elsewhere(call: Call, value: Any) -> Any:  # noqa: ANN401
    return "0x1" if call[0] == "eth_chainId" else value


class Behind:
    """A node that knows no block above one, which the test raises."""

    def __init__(self, chain: Chain, number: int) -> None:
        self.chain, self.number = chain, number

    def __call__(self, call: Call, value: Any) -> Any:  # noqa: ANN401
        if call[0] == "eth_getBlockByNumber" and value and int(value["number"], 16) > self.number:
            if not call[1][0].startswith("0x"):
                return self.chain.rpc.request("eth_getBlockByNumber", hex(self.number), False)
            return None
        if call[0] == "eth_getLogs" and isinstance(value, list):
            return [log for log in value if int(log["blockNumber"], 16) <= self.number]
        return value


def test_nodes_that_say_the_same_are_believed(chain: Chain, follow: Follow) -> None:
    follower = follow(honest, honest)
    record(chain)
    follower.catch_up()
    assert follower.index.state(chain.id(PATIENT, TERMS)) is ChainState.ACTIVE
    assert follower.index.events() == read_chain(chain.rpc, chain.deployment).events()
    assert follower.agreement == Agreement(nodes=3, agree=3, behind=0, silent=0)


def test_one_node_is_compared_with_nothing(
    chain: Chain, clock: Clock, database: Callable[[], Database]
) -> None:
    follower = Follower(chain.rpc, chain.deployment, ChainStore(database()), clock)
    follower.catch_up()
    assert follower.agreement == Agreement(nodes=1, agree=1, behind=0, silent=0)


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("blocks", [2, 400])
def test_another_end_of_a_consent_at_one_node_stops_the_step(
    chain: Chain, follow: Follow, place: int, blocks: int
) -> None:
    """Also in blocks long final, whose events are not proved, and whichever of the nodes leads."""
    record(chain)
    chain.rpc.request("anvil_mine", hex(blocks))
    sooner = changed_logs(lambda logs: [log | {"data": _sooner(log["data"])} for log in logs])
    follower = follow(*[honest] * place, sooner)
    with pytest.raises(ChainUnreachable) as refused:
        follower.step()
    assert refused.value.reason in ("chain_disagreement", "logs_missing")
    assert follower.index.events() == []
    with pytest.raises(Undecidable):
        follower.head()


def _sooner(data: str) -> str:
    """The same, if it is not that of a recorded consent with no end."""
    return data.replace("ff" * 5, "00" * 4 + "ff")


def test_a_node_that_gives_what_cannot_be_is_left_out(chain: Chain, follow: Follow) -> None:
    record(chain)
    follower = follow(changed_logs(lambda logs: []))
    with pytest.raises(ChainUnreachable) as refused:
        follower.step()
    assert refused.value.reason == "logs_missing"
    follower.catch_up()
    assert follower.index.state(chain.id(PATIENT, TERMS)) is ChainState.ACTIVE
    assert follower.agreement == Agreement(nodes=2, agree=1, behind=0, silent=1)


def test_a_head_that_is_contradicted_grows_old(chain: Chain, clock: Clock, follow: Follow) -> None:
    lies: list[bool] = []

    def fork(call: Call, value: Any) -> Any:  # noqa: ANN401
        if not lies or call[0] != "eth_getBlockByNumber" or call[1][0] not in ("latest", value["number"]):
            return value
        other = value | {"extraData": "0x1111"}
        return other | {"hash": hash_of(other)}

    follower = follow(honest, fork)
    follower.catch_up()
    seen = follower.head().seen_at
    lies.append(True)
    chain.mine()
    clock.forward(90)
    with pytest.raises(ChainUnreachable) as refused:
        follower.step()
    assert refused.value.reason == "chain_disagreement"
    assert follower.head().seen_at == seen
    assert follower.head().age(clock.now) >= 90_000
    lies.clear()
    follower.catch_up()
    assert follower.head().seen_at > seen


def test_a_node_on_another_chain_stops_everything(chain: Chain, follow: Follow) -> None:
    with pytest.raises(ChainUnreachable) as refused:
        follow(elsewhere).step()
    assert refused.value.reason == "wrong_chain"


def test_a_silent_node_is_left_out_and_asked_again_later(chain: Chain, clock: Clock, follow: Follow) -> None:
    quiet: list[int] = []

    def at_times(call: Call, value: Any) -> Any:  # noqa: ANN401
        quiet.append(1)
        return silent(call, value) if len(quiet) < 2 else value

    follower = follow(at_times)
    record(chain)
    follower.catch_up()
    assert follower.agreement == Agreement(nodes=2, agree=1, behind=0, silent=1)
    asked = len(quiet)
    follower.step()
    assert len(quiet) == asked
    clock.forward(REST_SECONDS)
    chain.mine()
    follower.catch_up()
    assert follower.agreement == Agreement(nodes=2, agree=2, behind=0, silent=0)


def test_silence_of_all_is_told(follow: Follow, chain: Chain) -> None:
    follower = follow(silent)
    chain.devnet.stop()
    with pytest.raises(ChainUnreachable) as refused:
        follower.step()
    assert refused.value.reason == "no_answer"


def test_the_index_goes_as_far_as_every_fresh_node(chain: Chain, follow: Follow) -> None:
    consent = chain.id(PATIENT, TERMS)
    tip = int(chain.rpc.request("eth_blockNumber"), 16)
    late = Behind(chain, tip)
    follower = follow(late)
    record(chain)
    follower.catch_up()
    assert follower.index.state(consent) is ChainState.NONE
    assert follower.head().number == tip
    late.number += 1
    follower.catch_up()
    assert follower.index.state(consent) is ChainState.ACTIVE
    assert follower.agreement.agree == 2


def test_what_a_node_missed_while_it_was_silent_is_compared_when_it_is_back(
    chain: Chain, clock: Clock, follow: Follow
) -> None:
    state = {"silent": True}

    def hiding(call: Call, value: Any) -> Any:  # noqa: ANN401
        if state["silent"]:
            return silent(call, value)
        return [] if call[0] == "eth_getLogs" else value

    follower = follow(hiding)
    record(chain)
    chain.mine(3)
    follower.catch_up()
    state["silent"] = False
    clock.forward(REST_SECONDS)
    chain.mine()
    with pytest.raises(ChainUnreachable) as refused:
        follower.step()
    assert refused.value.reason in ("chain_disagreement", "logs_missing")


def test_a_reorg_that_all_nodes_follow_is_followed(chain: Chain, follow: Follow) -> None:
    follower = follow(honest)
    chain.mine(3)
    record(chain)
    chain.mine()
    follower.catch_up()
    chain.rpc.request("anvil_reorg", 3, [])
    follower.catch_up()
    assert follower.index.state(chain.id(PATIENT, TERMS)) is ChainState.NONE
    record(chain)
    revoke(chain)
    follower.catch_up()
    assert follower.index.state(chain.id(PATIENT, TERMS)) is ChainState.ENDED
    assert follower.index.events() == read_chain(chain.rpc, chain.deployment).events()


def test_a_block_is_final_only_when_all_nodes_say_so(chain: Chain, follow: Follow) -> None:
    tip = chain.rpc.request("eth_getBlockByNumber", "latest", False)

    def too_early(call: Call, value: Any) -> Any:  # noqa: ANN401
        return tip if call == ("eth_getBlockByNumber", ("finalized", False)) else value

    follower = follow(too_early)
    follower.catch_up()
    final = follower.index.finalized
    assert final is not None
    assert final.number == int(tip["number"], 16) - 2


def test_a_final_block_above_the_head_is_no_view(chain: Chain, follow: Follow) -> None:
    def ahead(call: Call, value: Any) -> Any:  # noqa: ANN401
        return value | {"number": "0xffff"} if call[1:] and call[1][:1] == ("finalized",) else value

    follower = follow(ahead)
    follower.catch_up()
    assert follower.agreement == Agreement(nodes=2, agree=1, behind=0, silent=1)


def test_an_error_in_place_of_events_counts_as_silence(chain: Chain, follow: Follow) -> None:
    def refuses(call: Call, value: Any) -> Any:  # noqa: ANN401
        return Answer(error=-32601) if call[0] == "eth_getLogs" else value

    record(chain)
    follower = follow(honest, refuses)
    follower.catch_up()
    assert follower.index.state(chain.id(PATIENT, TERMS)) is ChainState.ACTIVE
    assert follower.agreement.silent == 1


@pytest.mark.parametrize("tag", ["latest", "safe", "finalized"])
def test_a_head_that_is_not_as_old_as_the_node_says_is_refused(
    chain: Chain, clock: Clock, database: Callable[[], Database], tag: str
) -> None:
    def younger(call: Call, value: Any) -> Any:  # noqa: ANN401
        if call != ("eth_getBlockByNumber", (tag, False)):
            return value
        return value | {"timestamp": hex(int(value["timestamp"], 16) + 3600)}

    rpc = Liar(chain.devnet.url, younger)
    follower = Follower(rpc, chain.deployment, ChainStore(database()), clock)
    with pytest.raises(ChainUnreachable) as refused:
        follower.step()
    assert refused.value.reason == "bad_hash"
    with pytest.raises(Undecidable):
        follower.head()
    rpc.close()
