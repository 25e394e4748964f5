"""Whatever gas costs, nothing is ever offered above the cap, and what can be paid for gets on chain."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.chain.facts import FeeMarket
from ledger.chain.feepolicy import FeePolicy
from ledger.chain.relayer import Relayer
from ledger.chain.transactions import Fees, read_transaction
from ledger.store.acts import State
from ledger.store.database import Database
from ledger.store.marks import Mark
from tests.chain.conftest import ETHER, Chain, Clock
from tests.chain.test_traffic import KEY, Traffic

amounts = st.integers(0, 2**50)
markets = st.builds(FeeMarket, base_fee=amounts, priority_fee=amounts)
offers = st.builds(lambda tip, more: Fees(max_fee=tip + more, tip=tip), amounts, amounts)


@given(amounts, markets, st.none() | offers, st.booleans())
def test_no_offer_exceeds_the_cap_and_every_replacement_is_one_that_nodes_take(
    cap: int, market: FeeMarket, above: Fees | None, urgent: bool
) -> None:
    offer = FeePolicy(cap=cap).offer(market, urgent=urgent, above=above)
    if offer is None:
        assert market.base_fee > cap or (
            above is not None and (above.max_fee * 9 > cap * 8 or above.max_fee >= cap)
        )
        return
    assert market.base_fee <= offer.max_fee <= cap
    assert offer.tip <= offer.max_fee
    if above is not None:
        assert offer.max_fee * 8 >= above.max_fee * 9
        assert offer.tip * 8 >= above.tip * 9


def test_an_offer_is_cut_down_to_the_cap_before_it_is_refused() -> None:
    market = FeeMarket(base_fee=100, priority_fee=10)
    policy = FeePolicy(cap=150)
    assert policy.offer(market, urgent=True) == Fees(max_fee=150, tip=20)
    assert policy.offer(market, urgent=False, above=Fees(max_fee=130, tip=5)) == Fees(max_fee=150, tip=10)
    assert policy.offer(market, urgent=False, above=Fees(max_fee=140, tip=5)) is None
    assert FeePolicy(cap=99).offer(market, urgent=True) is None


class Market:
    """A relayer with a cap, and a base fee that the test sets."""

    def __init__(self, chain: Chain, clock: Clock, database: Database, times: int) -> None:
        self.chain = chain
        self.cap = times * chain.rpc.fees().base_fee
        self.traffic = Traffic(chain, clock, database, "final")
        self.traffic.relayer = Relayer(
            chain.rpc, self.traffic.store, KEY, chain.deployment.chain_id, clock, max_fee=self.cap, batch=2
        )

    def price(self, base_fee: int) -> None:
        """The next block has this base fee, and is mined."""
        self.chain.rpc.request("anvil_setNextBlockBaseFeePerGas", hex(base_fee))
        self.chain.mine()

    def offers(self) -> list[Fees]:
        return [read_transaction(attempt.raw).fees for attempt in self.traffic.store.work(0).attempts]


@pytest.fixture
def market(chain: Chain, clock: Clock, database: Callable[[], Database]) -> Callable[[int], Market]:
    chain.devnet.fund(KEY.address, 100 * ETHER)
    return lambda times: Market(chain, clock, database(), times)


@pytest.mark.chain
def test_while_the_base_fee_is_ten_times_as_high_everything_is_mined_below_the_cap(
    market: Callable[[int], Market], chain: Chain, clock: Clock
) -> None:
    dear = market(40)
    base_fee = chain.rpc.fees().base_fee
    consents = [dear.traffic.record(f"{n}", lane=f"lane {n}") for n in range(6)]
    dear.traffic.step()
    for block in range(8):
        dear.price(10 * base_fee)
        clock.forward(61)
        if block == 2:
            consents.append(dear.traffic.stop("late", "another"))
        dear.traffic.step()
    dear.traffic.settle(4)
    assert {dear.traffic.status(consent).state for consent in consents} == {State.FINAL}
    assert all(offer.max_fee <= dear.cap for offer in dear.offers())
    assert len([kind for kind, *_ in dear.traffic.events()]) == len(consents)


@pytest.mark.chain
def test_above_the_cap_everything_waits_stops_too_and_the_operator_is_told(
    market: Callable[[int], Market], chain: Chain
) -> None:
    dear = market(4)
    dear.price(5 * dear.cap)
    recorded, stopped = dear.traffic.record("1", "a"), dear.traffic.stop("2", "b")
    dear.traffic.relayer.step()
    assert dear.offers() == []
    assert {dear.traffic.status(one).state for one in (recorded, stopped)} == {State.INTENDED}
    assert Mark.FEES_ABOVE_CAP in dear.traffic.store.marks.all()
    assert Mark.FEES_ABOVE_CAP in dear.traffic.relayer.marks
    dear.price(dear.cap // 4)
    dear.traffic.settle(6)
    assert {dear.traffic.status(one).state for one in (recorded, stopped)} == {State.FINAL}
    assert Mark.FEES_ABOVE_CAP not in dear.traffic.store.marks.all()


@pytest.mark.chain
def test_what_is_sent_already_is_raised_to_the_cap_and_then_left_alone(
    market: Callable[[int], Market], chain: Chain, clock: Clock
) -> None:
    dear = market(5)
    consent = dear.traffic.record("1", "a")
    for _ in range(12):
        dear.traffic.step()
        clock.forward(61)
    offers = dear.offers()
    assert len(offers) > 2
    assert all(offer.max_fee <= dear.cap for offer in offers)
    assert all(
        new.max_fee * 8 >= old.max_fee * 9 and new.tip * 8 >= old.tip * 9 for old, new in pairwise(offers)
    )
    dear.traffic.settle(6)
    assert dear.traffic.status(consent).state is State.FINAL


@pytest.mark.chain
def test_a_stop_that_cannot_outbid_within_the_cap_comes_right_after(
    market: Callable[[int], Market], chain: Chain
) -> None:
    dear = market(2)  # a first offer is twice the base fee and a tip: the cap itself
    recorded = dear.traffic.record("1", "a")
    dear.traffic.step()
    stopped = dear.traffic.stop("2", "b")
    dear.traffic.step()
    assert [dear.traffic.status(one).state for one in (recorded, stopped)] == [State.SENT, State.SENT]
    dear.traffic.settle(6)
    assert [kind for kind, *_ in dear.traffic.events()] == ["Recorded", "Revoked"]
    assert {offer.max_fee for offer in dear.offers()} == {dear.cap}
    assert chain.rpc.nonce(KEY.address) == 2
