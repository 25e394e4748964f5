"""Checks that share a transaction: nothing that ended before it counts, and no caller suffers for another."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import httpx2
import pytest

from ledger.chain.follower import Follower
from ledger.client.drafting import Wish
from ledger.errors import Forbidden, LedgerError, NotAdmitted, SignInRequired, Undecidable, UnknownCode
from ledger.ids import Address, ConsentId
from ledger.log.entry import decode
from ledger.policy.model import Outcome
from ledger.service import consents, sessions
from ledger.service.batches import Asked
from ledger.service.consents import Filed
from ledger.service.decisions import Decided, Question
from ledger.service.gateway import Gateway
from ledger.service.groups import Call, Reply, answer_all
from tests.api.conftest import sign_in
from tests.network import Network, Person, eventually, small_bundle
from tests.service.test_sequencing import share, stop_signature


@pytest.fixture(scope="module")
def gateway(network: Network) -> Gateway:
    return network.stack.server.gateway


@pytest.fixture(scope="module")
def clinic(network: Network) -> Person:
    return network.admitted("Group Clinic")


@pytest.fixture(scope="module")
def token(network: Network, clinic: Person) -> str:
    return new_token(network, clinic)


@pytest.fixture
def shared(network: Network, clinic: Person) -> tuple[Person, ConsentId]:
    return share(network, clinic)


def new_token(network: Network, person: Person) -> str:
    with httpx2.Client(base_url=network.stack.url, timeout=30) as client:
        return sign_in(client, person)


def asking(
    gateway: Gateway, token: str, *questions: Asked, first: Callable[[], object] = lambda: None
) -> Call:
    """A call that asks these, after doing something else within the transaction."""

    def ask(_account: Address) -> Sequence[Asked]:
        first()
        return questions

    return Call(token=gateway.keys.hash_token(token), ask=ask)


def about(clinic: Person, alice: Person, **change: Any) -> Question:  # noqa: ANN401
    return Question(**{"subject": clinic.did, "patient": alice.did, "purpose": ("TREAT",), **change})


def decided(reply: Reply) -> Decided:
    assert not isinstance(reply, Exception)
    (one,) = reply
    assert isinstance(one, Decided)
    return one


def stop(gateway: Gateway, alice: Person, consent: ConsentId) -> Filed:
    state = gateway.states.need(alice.identity.account.address)
    return consents.stop(gateway, state, consent, stop_signature(gateway, alice, consent))


Shared = tuple[Person, ConsentId]


def test_an_ended_session_is_refused_and_the_others_are_answered(
    network: Network, gateway: Gateway, clinic: Person, token: str, shared: Shared
) -> None:
    other, question = new_token(network, clinic), about(clinic, shared[0])
    calls = [asking(gateway, each, question) for each in (other, token)]
    assert [decided(reply).outcome for reply in answer_all(gateway, calls)] == [Outcome.PERMIT] * 2
    sessions.sign_out(gateway, other)
    size = gateway.journal.size
    refused, answered = answer_all(gateway, calls)
    assert isinstance(refused, SignInRequired)
    assert decided(answered).outcome is Outcome.PERMIT
    assert gateway.journal.size == size + 1


def test_a_session_that_has_run_out_is_refused(
    network: Network, gateway: Gateway, clinic: Person, shared: Shared
) -> None:
    call = asking(gateway, new_token(network, clinic), about(clinic, shared[0]))
    late = replace(gateway, clock=lambda: gateway.clock() + timedelta(seconds=901))
    late = replace(late, settings=replace(late.settings, max_head_age=3600))
    assert decided(answer_all(gateway, [call])[0]).outcome is Outcome.PERMIT
    assert isinstance(answer_all(late, [call])[0], SignInRequired)


def test_a_suspended_participant_is_refused_in_a_running_session(network: Network, gateway: Gateway) -> None:
    clinic, alice = network.admitted("Suspended Group Clinic"), network.enrolled()
    patient = network.patient(alice)
    patient.publish_bundle(small_bundle("Observation"))
    network.wait_active(patient.file(patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"]))).consent)
    call = asking(gateway, new_token(network, clinic), about(clinic, alice))
    assert decided(answer_all(gateway, [call])[0]).outcome is Outcome.PERMIT
    network.accreditor.suspend(clinic.did)

    def is_suspended() -> bool:
        state = gateway.follower.index.participant(clinic.identity.account.address)
        return state is not None and state.suspended

    eventually(is_suspended)
    (refused,) = answer_all(gateway, [call])
    assert isinstance(refused, NotAdmitted)
    assert refused.reason == "suspended"


def test_a_stop_that_was_acknowledged_while_the_call_waited_is_seen(
    gateway: Gateway, clinic: Person, token: str, shared: Shared
) -> None:
    alice, consent = shared
    waiting = asking(gateway, token, about(clinic, alice))
    assert decided(answer_all(gateway, [waiting])[0]).outcome is Outcome.PERMIT
    stopped = stop(gateway, alice, consent)
    after = decided(answer_all(gateway, [waiting])[0])
    assert after.outcome is Outcome.NO_CONSENT
    assert after.appended.index > stopped.entry


def test_a_stop_during_the_transaction_comes_after_what_was_decided_in_it(
    gateway: Gateway, clinic: Person, token: str, shared: Shared
) -> None:
    alice, consent = shared
    gateway.states.need(alice.identity.account.address)
    with ThreadPoolExecutor(1) as pool:
        stopping: list[Future[Filed]] = []

        def begin() -> None:
            stopping.append(pool.submit(stop, gateway, alice, consent))

        reply = decided(answer_all(gateway, [asking(gateway, token, about(clinic, alice), first=begin)])[0])
        stopped = stopping[0].result(timeout=60)
    assert reply.outcome is Outcome.PERMIT
    assert reply.appended.index < stopped.entry


def test_a_stop_that_only_the_chain_shows_is_logged_before_the_decision(
    gateway: Gateway, clinic: Person, token: str, shared: Shared
) -> None:
    alice, consent = shared
    shown = replace(gateway, follower=cast("Follower", _Stopped(gateway.follower, consent)))
    start = gateway.journal.size
    calls = [asking(shown, token, about(clinic, alice)) for _ in range(2)]
    replies = [decided(reply) for reply in answer_all(shown, calls)]
    assert [reply.outcome for reply in replies] == [Outcome.NO_CONSENT] * 2
    kinds = [decode(row.entry or b"{}")["kind"] for row in gateway.journal.entries(start)]
    assert kinds.index("consent.revoked") < kinds.index("decision")
    assert kinds.count("decision") == 2


def test_what_goes_wrong_with_one_call_touches_no_other(
    gateway: Gateway, clinic: Person, token: str, shared: Shared
) -> None:
    def fail(error: Exception) -> Callable[[], None]:
        def now() -> None:
            raise error

        return now

    question = about(clinic, shared[0])
    refusal, bug = Forbidden("not for you"), RuntimeError("a bug")
    size = gateway.journal.size
    replies = answer_all(
        gateway,
        [
            asking(gateway, token, question),
            asking(gateway, token, question, first=fail(refusal)),
            asking(gateway, token, question, first=fail(bug)),
            asking(gateway, token, about(clinic, shared[0], purpose=("NOSUCH",))),
            asking(gateway, token, question),
        ],
    )
    assert replies[1:3] == [refusal, bug]
    assert not isinstance(replies[3], Exception)
    assert isinstance(replies[3][0], UnknownCode)
    assert [decided(reply).appended.index for reply in (replies[0], replies[4])] == [size, size + 1]
    assert gateway.journal.size == size + 2


def test_a_patient_whose_entries_cannot_be_sealed_is_refused_alone(
    network: Network, gateway: Gateway, clinic: Person, token: str, shared: Shared
) -> None:
    lost = network.enrolled()
    calls = [asking(gateway, token, about(clinic, each)) for each in (lost, shared[0])]
    answer_all(gateway, calls)
    gateway.data_keys.destroy(gateway.states.need(lost.identity.account.address).tag)
    refused, answered = answer_all(gateway, calls)
    assert isinstance(refused, LedgerError)
    assert decided(answered).outcome is Outcome.PERMIT


def test_with_a_stale_head_nobody_is_answered_and_nothing_is_logged(
    gateway: Gateway, clinic: Person, token: str, shared: Shared
) -> None:
    late = replace(gateway, clock=lambda: gateway.clock() + timedelta(minutes=5))
    size = gateway.journal.size
    replies = answer_all(late, [asking(gateway, token, about(clinic, shared[0])) for _ in range(3)])
    assert all(isinstance(reply, Undecidable) for reply in replies)
    assert gateway.journal.size == size


class _Stopped:
    """A follower that has seen the stop of a consent in the last block."""

    def __init__(self, follower: Follower, consent: ConsentId) -> None:
        self._follower = follower
        self.index = _StoppedIndex(follower, consent)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._follower, name)


class _StoppedIndex:
    def __init__(self, follower: Follower, consent: ConsentId) -> None:
        self._index = follower.index
        self._consent = consent

    def ended_number(self, consent: ConsentId, at: int | None = None) -> int | None:
        tip = self._index.tip
        assert tip is not None
        return tip.number if consent == self._consent else self._index.ended_number(consent, at)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._index, name)
