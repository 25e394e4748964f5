"""A patient's client erases: what it checks before, what it signs, and what it takes for proof."""

from collections.abc import Callable
from typing import Any

import pytest

from ledger.canonical import unhex
from ledger.client import erasing
from ledger.client.erasing import Order, holders
from ledger.client.wire import Disclosure
from ledger.crypto.signatures import verify
from ledger.crypto.typed import Erasure, records_domain
from ledger.errors import Conflict, NotFound, ProofInvalid
from ledger.service import decisions
from ledger.service.decisions import Question
from tests.network import Network, Person, small_bundle


@pytest.fixture
def ann(network: Network) -> Person:
    """A patient with records and no consent."""
    person = network.enrolled()
    network.patient(person).publish_bundle(small_bundle("Immunization"))
    return person


def changed(path: str, how: Callable[[Any], object]) -> Callable[[str, Any], Any]:
    """Alter the answers to one call in place."""

    def tamper(asked: str, answer: Any) -> Any:  # noqa: ANN401
        if asked == path:
            how(answer)
        return answer

    return tamper


class TestOrder:
    def test_the_erasure_key_signs_the_size_of_a_checkpoint(self, network: Network, ann: Person) -> None:
        orders: list[Order] = []
        size = network.stack.server.gateway.journal.size
        erased = network.patient(ann).erase(orders.append)
        (order,) = orders
        assert erased.order == order
        assert order.size >= size
        deployment = network.config.deployment
        origin = network.stack.server.gateway.journal.origin
        claim = Erasure(log=origin, patient=ann.identity.erasure.address, size=order.size)
        digest = claim.digest(records_domain(deployment.chain_id, deployment.registry))
        verify(digest, unhex(order.signature), ann.identity.erasure.address)

    def test_an_order_that_was_outrun_is_signed_again(self, network: Network, ann: Person) -> None:
        orders: list[Order] = []
        gateway = network.stack.server.gateway

        def remember(order: Order) -> None:
            orders.append(order)
            if len(orders) < 3:
                question = Question(subject=ann.did, patient=ann.did, purpose=("TREAT",))
                decisions.decide_and_log(gateway, question)

        erased = network.patient(ann).erase(remember)
        assert len(orders) == 3
        assert [order.size for order in orders] == sorted({order.size for order in orders})
        assert erased.order == orders[-1]

    def test_a_patient_whom_somebody_never_stops_asking_for_is_told_to_try_later(
        self, network: Network, ann: Person
    ) -> None:
        gateway = network.stack.server.gateway
        orders: list[Order] = []

        def remember(order: Order) -> None:
            orders.append(order)
            question = Question(subject=ann.did, patient=ann.did, purpose=("TREAT",))
            decisions.decide_and_log(gateway, question)

        with pytest.raises(Conflict) as caught:
            network.patient(ann).erase(remember)
        assert caught.value.reason == "erasure_outrun"
        assert len(orders) == erasing.ATTEMPTS
        assert network.patient(ann).records()

    def test_an_order_that_never_arrived_did_nothing(self, network: Network) -> None:
        stranger = network.person()
        deployment = network.config.deployment
        origin = network.stack.server.gateway.journal.origin
        claim = Erasure(log=origin, patient=stranger.identity.erasure.address, size=1)
        digest = claim.digest(records_domain(deployment.chain_id, deployment.registry))
        order = Order(size=1, signature="0x" + stranger.identity.erasure.sign(digest).hex())
        with pytest.raises(NotFound) as caught:
            network.patient(stranger).erased_by(order)
        assert caught.value.reason == "not_erased"


class TestHostileGateway:
    @pytest.mark.parametrize("member", ["records", "consents"])
    def test_it_counts_less_than_it_has_shown(self, network: Network, ann: Person, member: str) -> None:
        def hide(answer: Any) -> None:  # noqa: ANN401
            answer[member] += 1

        tamper = changed("GET /v1/patient/erasure", hide)
        with pytest.raises(ProofInvalid) as caught:
            network.patient(ann, tamper).erasure_prospect()
        assert caught.value.reason == "facts_differ"

    def test_a_receipt_of_something_else_proves_no_erasure(self, network: Network, ann: Person) -> None:
        other = network.gateway(ann)
        size = int(other.checkpoint().splitlines()[1])
        (published, *_) = [one.index for one in other.entries(max(0, size - 512), size)]
        receipt = other.receipt(published)
        tamper = changed("POST /v1/patient/erasure", lambda answer: answer.update(receipt=receipt))
        with pytest.raises(ProofInvalid) as caught:
            network.patient(ann, tamper).erase(lambda _: None)
        assert caught.value.reason == "receipt_of_other_act"

    def test_a_receipt_of_another_patients_erasure_proves_none(self, network: Network, ann: Person) -> None:
        bea = network.enrolled()
        receipt = network.patient(bea).erase(lambda _: None).receipt
        tamper = changed("POST /v1/patient/erasure", lambda answer: answer.update(receipt=receipt))
        with pytest.raises(ProofInvalid) as caught:
            network.patient(ann, tamper).erase(lambda _: None)
        assert caught.value.reason == "receipt_of_other_act"

    def test_a_bent_receipt_proves_none(self, network: Network, ann: Person) -> None:
        def bend(answer: Any) -> None:  # noqa: ANN401
            answer["receipt"]["entry"] = answer["receipt"]["entry"].replace('"size":', '"size":1')

        with pytest.raises(ProofInvalid):
            network.patient(ann, changed("POST /v1/patient/erasure", bend)).erase(lambda _: None)


def line(subject: str, kind: str, time: int, *records: str) -> Disclosure:
    return Disclosure(
        index=0,
        time=time,
        kind=kind,
        subject=subject,
        purpose=[],
        action="access",
        outcome="PERMIT",
        records=list(records),
        basis=[],
    )


def test_who_was_given_what_is_counted_once_for_each_record() -> None:
    history = [
        line("c", "decision", 1, "a", "b"),
        line("c", "release", 2, "a", "b"),
        line("c", "release", 9, "b", "d"),
        line("i", "decision", 5),
    ]
    found = {one.did: (one.records, one.times, one.last) for one in holders(history)}
    assert found == {"c": (3, 2, 9), "i": (0, 0, 0)}
    assert [one.did for one in holders(history)] == ["c", "i"]
    named = holders(history, ["c", "named in a consent"])
    assert [(one.did, one.records) for one in named] == [("c", 3), ("i", 0), ("named in a consent", 0)]
