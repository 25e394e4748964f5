"""The relayer brings every act on chain once in effect, whatever crashes, gets lost or is more urgent."""

import contextlib
import random
from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import Connection

from ledger.chain import calls
from ledger.chain.answers import Answer, Call
from ledger.chain.events import Recorded, Revoked
from ledger.chain.facts import BlockHeader
from ledger.chain.nonces import MOST_MISSING
from ledger.chain.reader import read_chain
from ledger.chain.relayer import Relayer, SubmissionStatus
from ledger.chain.transactions import Fees, Transaction, read_transaction, sign_transaction
from ledger.errors import ChainUnreachable
from ledger.ids import ConsentId
from ledger.store.acts import Submission
from ledger.store.database import Database
from ledger.store.relay import FILL, RelayStore, State
from tests.chain.conftest import ETHER, Chain, Clock, account
from tests.chain.crashes import Crash, CrashingRpc

KEY = account("relayer")
PATIENT = account("controller")


class FarAhead(CrashingRpc):
    """A connection to a node that counts more transactions of the account than there are."""

    ahead = 0

    def batch(self, calls_: Sequence[Call]) -> list[Answer]:
        answers = super().batch(calls_)
        return [
            Answer(result=hex(int(answer.value(), 16) + self.ahead))
            if method == "eth_getTransactionCount"
            else answer
            for (method, _), answer in zip(calls_, answers, strict=True)
        ]


class Relay:
    """A relayer that can be started anew from its store."""

    def __init__(
        self,
        chain: Chain,
        clock: Clock,
        database: Callable[[], Database],
        *,
        rpc: CrashingRpc | None = None,
        is_shown: Callable[[Submission], bool] = lambda _: True,
    ) -> None:
        self.chain, self.clock, self.database = chain, clock, database
        self.rpc, self.is_shown = rpc or CrashingRpc(chain.devnet.url), is_shown
        self.restart()

    def restart(self, *, window: int = 16, max_fee: int = 10**12) -> None:
        self.store = RelayStore(self.database())
        self.relayer = Relayer(
            self.rpc,
            self.store,
            KEY,
            self.chain.deployment.chain_id,
            self.clock,
            window=window,
            max_fee=max_fee,
            is_shown=self.is_shown,
        )

    def record(self, terms: int, *, not_before: int = 0) -> ConsentId:
        item = self.chain.consent(PATIENT, bytes([terms]) * 32)
        consent = self.chain.id(PATIENT, bytes([terms]) * 32)
        self.relayer.submit(
            None,
            kind="recording",
            subject=consent,
            to=self.chain.deployment.registry,
            data=calls.record_signed(
                controller=item.controller,
                epoch=item.epoch,
                terms_hash=item.terms_hash,
                until=item.until,
                signature=item.signature,
            ),
            not_before=not_before,
        )
        return consent

    def revoke(self, terms: int) -> ConsentId:
        consent = self.chain.id(PATIENT, bytes([terms]) * 32)
        self.relayer.submit(
            None,
            kind="revocation",
            subject=consent,
            to=self.chain.deployment.registry,
            data=calls.revoke_with_preimage(
                controller=PATIENT.address,
                epoch=0,
                terms_hash=bytes([terms]) * 32,
                until=2**40 - 1,
                signature=self.chain.revocation(PATIENT, consent),
            ),
            urgent=True,
        )
        return consent

    def settle(self, steps: int = 12) -> None:
        """Steps and blocks by turns until nothing is left to do."""
        for _ in range(steps):
            self.relayer.step()
            self.chain.mine()

    def status(self, consent: str, kind: str | None = None) -> SubmissionStatus:
        found = self.relayer.status(consent, kind)
        assert found is not None
        return found

    def events(self) -> list[tuple[str, ConsentId]]:
        """What happened on chain, in order."""
        found = read_chain(self.chain.rpc, self.chain.deployment).events()
        return [
            ("recorded" if isinstance(event, Recorded) else "revoked", event.consent)
            for event in found
            if isinstance(event, Recorded | Revoked)
        ]

    def sent(self) -> int:
        return self.chain.rpc.nonce(KEY.address)


@pytest.fixture
def relay(chain: Chain, clock: Clock, database: Callable[[], Database]) -> Relay:
    chain.devnet.fund(KEY.address, 10 * ETHER)
    return Relay(chain, clock, database)


def head(chain: Chain) -> BlockHeader:
    found = chain.rpc.block("latest")
    assert found is not None
    return found


def test_an_act_is_intended_then_sent_then_seen_then_final(relay: Relay, chain: Chain) -> None:
    consent = relay.record(1)
    states = [relay.status(consent).state]
    for _ in range(5):
        relay.relayer.step()
        states.append(relay.status(consent).state)
        chain.mine()
    assert states == [State.INTENDED, State.SENT, State.SEEN, State.SEEN, State.FINAL, State.FINAL]
    status = relay.status(consent)
    receipt = chain.rpc.receipt(status.transaction) if status.transaction else None
    assert receipt is not None
    assert (status.block, status.block_hash, status.gas_used) == (
        receipt.number,
        receipt.block_hash,
        receipt.gas_used,
    )
    assert relay.events() == [("recorded", consent)]


@pytest.mark.parametrize("crash", ["before", "after"])
def test_a_crash_around_the_broadcast_sends_the_same_bytes_again(
    relay: Relay, chain: Chain, crash: str
) -> None:
    consent = relay.record(1)
    relay.rpc.crash = crash
    with pytest.raises(Crash):
        relay.relayer.step()
    signed = relay.status(consent).transaction
    relay.rpc.crash = ""
    relay.restart()
    relay.settle()
    assert relay.status(consent).transaction == signed
    assert relay.status(consent).state is State.FINAL
    assert relay.sent() == 1
    assert relay.events() == [("recorded", consent)]


def test_a_restart_after_every_single_step_changes_nothing(relay: Relay, chain: Chain) -> None:
    consents = [relay.record(terms) for terms in range(4)]
    stopped = relay.revoke(2)
    for _ in range(12):
        relay.relayer.step()
        relay.restart()
        chain.mine()
    assert relay.sent() == 5
    assert all(
        relay.status(consent, "recording").state in (State.FINAL, State.FAILED) for consent in consents
    )
    assert ("revoked", stopped) in relay.events()
    assert sorted(relay.events()) == sorted(set(relay.events()))


def test_a_revocation_goes_before_recordings_that_wait(relay: Relay) -> None:
    recorded = [relay.record(terms) for terms in (1, 2)]
    stopped = relay.revoke(9)
    relay.settle()
    assert relay.events() == [("revoked", stopped), *(("recorded", consent) for consent in recorded)]


def test_a_revocation_overtakes_recordings_that_are_broadcast_already(relay: Relay, chain: Chain) -> None:
    recorded = [relay.record(terms) for terms in (1, 2)]
    relay.relayer.step()
    stopped = relay.revoke(9)
    relay.relayer.step()
    chain.mine()
    assert relay.events()[0] == ("revoked", stopped)
    relay.settle()
    assert sorted(relay.events()) == sorted(
        [("revoked", stopped), *(("recorded", consent) for consent in recorded)]
    )
    assert all(relay.status(consent).state is State.FINAL for consent in [*recorded, stopped])


def test_a_revocation_that_is_too_late_to_overtake_comes_right_after(relay: Relay, chain: Chain) -> None:
    recorded = relay.record(1)
    relay.relayer.step()
    stopped = relay.revoke(9)
    relay.rpc.crash = "before"
    with pytest.raises(Crash):
        relay.relayer.step()
    chain.mine()
    relay.rpc.crash = ""
    relay.restart()
    relay.settle()
    assert relay.events() == [("recorded", recorded), ("revoked", stopped)]
    assert relay.status(stopped).state is State.FINAL
    assert relay.sent() == 2


def test_a_stop_before_its_recording_leaves_nothing_to_revive(relay: Relay) -> None:
    consent = relay.record(1)
    relay.revoke(1)
    relay.settle()
    assert relay.events() == [("revoked", consent)]
    assert relay.status(consent, "revocation").state is State.FINAL
    assert relay.status(consent, "recording").state is State.FAILED
    assert relay.status(consent, "recording").succeeded is False


def test_what_was_never_signed_can_be_withdrawn(relay: Relay) -> None:
    early, late = relay.record(1), relay.record(2)
    relay.relayer.step()
    later = relay.record(3)
    assert relay.relayer.withdraw(None, kind="recording", subject=early) == 0
    assert relay.relayer.withdraw(None, kind="recording", subject=later) == 1
    relay.settle()
    assert relay.events() == [("recorded", early), ("recorded", late)]
    assert relay.status(later).state is State.SUPERSEDED


def test_a_transaction_that_the_node_dropped_is_broadcast_again(relay: Relay, chain: Chain) -> None:
    consent = relay.record(1)
    relay.relayer.step()
    chain.rpc.request("anvil_dropTransaction", relay.status(consent).transaction)
    chain.mine()
    assert relay.events() == []
    relay.settle()
    assert relay.events() == [("recorded", consent)]
    assert relay.sent() == 1


def test_a_recording_that_a_reorg_took_out_is_broadcast_again(relay: Relay, chain: Chain) -> None:
    snapshot = chain.rpc.request("evm_snapshot")
    consent = relay.record(1)
    relay.relayer.step()
    chain.mine()
    relay.relayer.step()
    assert relay.status(consent).state is State.SEEN
    chain.rpc.request("evm_revert", snapshot)
    relay.relayer.step()
    assert relay.status(consent).state is State.SENT
    assert relay.status(consent).block is None
    relay.settle()
    assert relay.events() == [("recorded", consent)]


def test_even_what_was_final_is_sent_again_if_the_chain_lost_it(relay: Relay, chain: Chain) -> None:
    chain.devnet.fund(KEY.address, 10 * ETHER)
    snapshot = chain.rpc.request("evm_snapshot")
    first, second = relay.record(1), relay.record(2)
    relay.settle()
    assert relay.status(first).state is relay.status(second).state is State.FINAL
    chain.rpc.request("evm_revert", snapshot)
    chain.mine()
    third = relay.record(3)
    relay.settle()
    assert sorted(relay.events()) == sorted(("recorded", consent) for consent in (first, second, third))
    assert relay.sent() == 3


def test_an_offer_below_the_base_fee_is_replaced(relay: Relay, chain: Chain) -> None:
    consent = relay.record(1)
    relay.relayer.step()
    cheap = relay.status(consent).transaction
    base_fee = 50 * chain.rpc.fees().base_fee
    chain.rpc.request("anvil_setNextBlockBaseFeePerGas", hex(base_fee))
    chain.mine()
    assert relay.events() == []
    relay.relayer.step()
    assert relay.status(consent).transaction != cheap
    relay.settle()
    assert relay.events() == [("recorded", consent)]
    assert relay.sent() == 1
    attempts = relay.store.find(consent)[0][1]
    old, new = (read_transaction(attempt.raw) for attempt in attempts)
    assert new.with_fees(old.fees) == old
    assert new.fees.max_fee * 8 >= old.fees.max_fee * 9
    assert new.fees.tip * 8 >= old.fees.tip * 9


def test_an_offer_that_waits_too_long_is_raised_but_not_without_end(
    relay: Relay, chain: Chain, clock: Clock
) -> None:
    relay.restart(max_fee=5 * chain.rpc.fees().base_fee)
    consent = relay.record(1)
    for _ in range(12):
        relay.relayer.step()
        clock.forward(61)
    offers = [attempt.max_fee for attempt in relay.store.find(consent)[0][1]]
    assert len(offers) > 2
    assert max(offers) <= 5 * chain.rpc.fees().base_fee
    relay.settle()
    assert relay.events() == [("recorded", consent)]


def test_recordings_wait_for_their_time_and_revocations_do_not(relay: Relay, clock: Clock) -> None:
    later = int(clock.now.timestamp() * 1000) + 60_000
    recorded, stopped = relay.record(1, not_before=later), relay.revoke(2)
    relay.settle()
    assert relay.events() == [("revoked", stopped)]
    clock.forward(61)
    relay.settle()
    assert relay.events() == [("revoked", stopped), ("recorded", recorded)]


def test_few_recordings_are_broadcast_at_once(relay: Relay) -> None:
    relay.restart(window=3)
    consents = [relay.record(terms) for terms in range(7)]
    relay.relayer.step()
    assert [relay.status(consent).state for consent in consents] == [State.SENT] * 3 + [State.INTENDED] * 4
    relay.settle()
    assert relay.events() == [("recorded", consent) for consent in consents]


def test_a_stranger_with_the_key_costs_a_nonce_but_no_act(relay: Relay, chain: Chain) -> None:
    consent = relay.record(1)
    relay.rpc.crash = "before"
    with pytest.raises(Crash):
        relay.relayer.step()
    relay.rpc.crash = ""
    chain.send(KEY, chain.deployment.registry, calls.revoke_all())
    relay.restart()
    relay.settle()
    assert relay.status(consent).state is State.FINAL
    assert relay.events() == [("recorded", consent)]
    assert relay.sent() == 2


def test_an_older_database_goes_on_at_the_chains_nonce(relay: Relay, chain: Chain) -> None:
    for _ in range(3):
        chain.send(KEY, chain.deployment.registry, calls.revoke_all())
    consent = relay.record(1)
    relay.settle()
    assert relay.events() == [("recorded", consent)]
    assert relay.sent() == 4


def test_a_lost_nonce_below_is_filled(relay: Relay, chain: Chain) -> None:
    foreign = sign_transaction(
        Transaction(
            chain_id=chain.deployment.chain_id,
            nonce=0,
            fees=Fees.at(chain.rpc.fees(), urgent=False),
            gas=100_000,
            to=bytes.fromhex(chain.deployment.registry[2:]),
            data=calls.revoke_all(),
        ),
        KEY,
    )
    chain.rpc.send_raw(foreign.raw)
    consent = relay.record(1)
    relay.relayer.step()
    chain.rpc.request("anvil_dropTransaction", foreign.hash)
    relay.settle()
    assert relay.events() == [("recorded", consent)]
    assert relay.status("", FILL).state is State.FINAL


@pytest.mark.parametrize("ahead", [3, 64, 65, 2**62])
def test_acts_for_nonces_that_nothing_leads_to_are_signed_again(
    chain: Chain, clock: Clock, database: Callable[[], Database], ahead: int
) -> None:
    chain.devnet.fund(KEY.address, 10 * ETHER)
    rpc = FarAhead(chain.devnet.url)
    relay = Relay(chain, clock, database, rpc=rpc)
    before, consent = relay.record(1), relay.record(2)
    relay.relayer.step()
    rpc.ahead = ahead
    stop, last = relay.revoke(2), relay.record(3)
    relay.relayer.step()
    rpc.ahead = 0
    relay.relayer.step()
    chain.mine()
    assert ("revoked", stop) in relay.events(), "the stop did not wait for what nothing leads to"
    relay.settle(12 + min(ahead, MOST_MISSING))
    assert stop == consent
    assert {one for name, one in relay.events() if name == "recorded"} >= {before, last}
    assert all(relay.status(one).state is State.FINAL for one in (before, consent, last))
    assert relay.sent() < 10 + min(ahead, MOST_MISSING)


def test_what_only_a_receipt_tells_of_is_not_final(
    chain: Chain, clock: Clock, database: Callable[[], Database]
) -> None:
    chain.devnet.fund(KEY.address, 10 * ETHER)
    shown: set[str] = set()
    relay = Relay(chain, clock, database, is_shown=lambda act: act.subject in shown)
    first, second = relay.revoke(1), relay.revoke(2)
    shown.add(first)
    relay.settle(80)
    assert relay.status(first).state is State.FINAL
    assert relay.status(second).state is State.SEEN
    shown.add(second)
    relay.settle(1)
    assert relay.status(second).state is State.FINAL


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_every_act_has_its_effect_once(
    relay: Relay, chain: Chain, clock: Clock, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311 - a repeatable walk
    recorded: dict[int, ConsentId] = {}
    revoked: dict[int, ConsentId] = {}
    snapshots: list[str] = []

    def step(crash: str = "") -> None:
        relay.rpc.crash = crash
        with contextlib.suppress(Crash):
            relay.relayer.step()
        if crash:
            relay.restart()
        relay.rpc.crash = ""

    def record() -> None:
        if len(recorded) < 9:
            recorded[len(recorded)] = relay.record(len(recorded))

    def revoke() -> None:
        terms = dice.randrange(12)
        if terms not in revoked:
            revoked[terms] = relay.revoke(terms)

    def drop() -> None:
        waiting = [relay.status(consent).transaction for consent in [*recorded.values(), *revoked.values()]]
        for hash_ in filter(None, waiting[:1]):
            chain.rpc.request("anvil_dropTransaction", hash_)

    def reorg() -> None:
        if snapshots:
            del snapshots[dice.randrange(len(snapshots)) + 1 :]
            chain.rpc.request("evm_revert", snapshots.pop())
            chain.mine(dice.randrange(3))

    def dear() -> None:
        chain.rpc.request("anvil_setNextBlockBaseFeePerGas", hex(10 * chain.rpc.fees().base_fee))
        chain.mine()

    acts: list[Callable[[], object]] = [
        *[record, revoke, step, step, chain.mine, chain.mine, drop, reorg],
        lambda: step("before"),
        lambda: step("after"),
        lambda: snapshots.append(chain.rpc.request("evm_snapshot")),
        lambda: clock.forward(dice.choice([1, 70])),
    ]
    for move in range(45):
        if move % 20 == 19:
            dear()
        dice.choice(acts)()
    relay.settle(25)
    events = relay.events()
    assert len(events) == len(set(events))
    assert {consent for kind, consent in events if kind == "revoked"} == set(revoked.values())
    effects = {consent for _, consent in events}
    assert effects == set(recorded.values()) | set(revoked.values())
    for terms, consent in recorded.items():
        state = relay.status(consent, "recording").state
        without_effect = state in (State.FAILED, State.SUPERSEDED) and terms in revoked
        assert state is State.FINAL or without_effect


def test_a_node_of_another_chain_gets_nothing(relay: Relay, chain: Chain, clock: Clock) -> None:
    consent = relay.record(1)
    elsewhere = Relayer(relay.rpc, relay.store, KEY, 1, clock)
    with pytest.raises(ChainUnreachable) as refused:
        elsewhere.step()
    assert refused.value.reason == "wrong_chain"
    assert relay.status(consent).state is State.INTENDED


def test_while_the_node_is_away_acts_are_kept(relay: Relay, chain: Chain) -> None:
    consent = relay.record(1)
    chain.devnet.stop()
    with pytest.raises(ChainUnreachable):
        relay.relayer.step()
    relay.revoke(2)
    chain.devnet.start()
    relay.settle()
    assert sorted(kind for kind, _ in relay.events()) == ["recorded", "revoked"]
    assert relay.status(consent).state is State.FINAL


def test_an_intent_exists_only_if_the_callers_transaction_commits(relay: Relay) -> None:
    database = relay.database()
    relay.store = RelayStore(database)
    relay.relayer = Relayer(relay.rpc, relay.store, KEY, relay.chain.deployment.chain_id, relay.clock)

    def submit_and_fail(connection: Connection) -> None:
        relay.relayer.submit(
            connection, kind="recording", subject="x", to=relay.chain.deployment.registry, data=b""
        )
        raise Crash

    with pytest.raises(Crash), database.write() as connection:
        submit_and_fail(connection)
    assert relay.relayer.status("x") is None
    with database.write() as connection:
        relay.relayer.submit(
            connection, kind="recording", subject="x", to=relay.chain.deployment.registry, data=b""
        )
    assert relay.status("x").state is State.INTENDED


def test_an_empty_account_loses_no_act(relay: Relay, chain: Chain) -> None:
    chain.devnet.fund(KEY.address, 0)
    consent = relay.record(1)
    relay.settle(3)
    assert relay.status(consent).state is State.SENT
    chain.devnet.fund(KEY.address, ETHER)
    relay.settle()
    assert relay.events() == [("recorded", consent)]
    assert head(chain).number > 0
