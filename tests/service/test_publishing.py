"""A gateway takes records together or not at all."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ledger.client.outbox import OwnOutbox, submission
from ledger.errors import BlockMissing, Conflict, InvalidInput, LedgerError, SignatureInvalid
from ledger.ids import Cid
from ledger.records.publish import MOST_RECORDS
from ledger.records.transfer import delete_record
from ledger.service import records
from ledger.service.gateway import Gateway
from ledger.service.records import Submission
from tests.network import Network, Person, small_bundle

Batch = list[Submission]


@pytest.fixture(scope="module")
def gateway(network: Network) -> Gateway:
    return network.stack.server.gateway


@pytest.fixture
def alice(network: Network) -> Person:
    return network.enrolled()


@pytest.fixture
def batch(network: Network, alice: Person, monkeypatch: pytest.MonkeyPatch) -> Batch:
    """Records that are stored and signed for, and that the gateway has not seen."""
    kept: Batch = []

    def keep(self: OwnOutbox, sent: list[Any]) -> None:
        kept.extend(Submission(**submission(self._context, one)) for one in sent)

    with monkeypatch.context() as patch:
        patch.setattr(OwnOutbox, "send", keep)
        network.patient(alice).publish_bundle(small_bundle("Condition", "Immunization"))
    assert len(kept) > 3
    return kept


def publish(gateway: Gateway, alice: Person, batch: Batch) -> list[int]:
    account = alice.identity.account.address
    return gateway.states.sequenced(account, lambda state: records.publish(gateway, state, batch))


def roots(gateway: Gateway, alice: Person) -> list[str]:
    return [one.row.root for one in gateway.states.need(alice.identity.account.address).records]


def test_a_batch_stands_in_the_log_in_its_order(gateway: Gateway, alice: Person, batch: Batch) -> None:
    places = publish(gateway, alice, batch)
    assert places == list(range(places[0], places[0] + len(batch)))
    assert roots(gateway, alice) == [one.root for one in batch]


def test_the_same_again_gives_the_same_places(gateway: Gateway, alice: Person, batch: Batch) -> None:
    places = publish(gateway, alice, batch)
    size = gateway.journal.size
    assert publish(gateway, alice, batch) == places
    assert gateway.journal.size == size


def test_what_is_there_already_keeps_its_place_among_what_is_new(
    gateway: Gateway, alice: Person, batch: Batch
) -> None:
    first = publish(gateway, alice, batch[1:2])
    places = publish(gateway, alice, batch)
    assert places[1:2] == first
    assert len(set(places)) == len(batch) == len(roots(gateway, alice))


def other_signature(batch: Batch) -> Submission:
    return replace(batch[-1], signature=batch[0].signature)


def other_epoch(batch: Batch) -> Submission:
    return replace(batch[-1], epoch=batch[-1].epoch + 1)


def other_header(batch: Batch) -> Submission:
    return replace(batch[-1], header=batch[0].header)


def short_capsule(batch: Batch) -> Submission:
    return replace(batch[-1], capsule=batch[-1].capsule[:-4])


def first_again(batch: Batch) -> Submission:
    return batch[0]


@pytest.mark.parametrize(
    ("defect", "error"),
    [
        (other_signature, SignatureInvalid),
        (other_epoch, Conflict),
        (other_header, LedgerError),
        (short_capsule, InvalidInput),
        (first_again, InvalidInput),
    ],
)
def test_one_bad_record_keeps_all_of_its_batch_out(
    gateway: Gateway,
    alice: Person,
    batch: Batch,
    defect: Callable[[Batch], Submission],
    error: type[LedgerError],
) -> None:
    size = gateway.journal.size
    with pytest.raises(error):
        publish(gateway, alice, [*batch[:-1], defect(batch)])
    assert roots(gateway, alice) == []
    assert gateway.journal.size == size


def test_one_record_without_blocks_keeps_all_of_its_batch_out(
    network: Network, gateway: Gateway, alice: Person, batch: Batch
) -> None:
    delete_record(Cid(batch[-1].root), network.blocks())
    with pytest.raises(BlockMissing):
        publish(gateway, alice, batch)
    assert roots(gateway, alice) == []


def test_a_published_root_keeps_its_metadata(gateway: Gateway, alice: Person, batch: Batch) -> None:
    publish(gateway, alice, batch[:1])
    with pytest.raises(Conflict) as caught:
        publish(gateway, alice, [replace(batch[0], capsule=batch[1].capsule), *batch[1:]])
    assert caught.value.reason == "published_otherwise"
    assert roots(gateway, alice) == [batch[0].root]


def test_too_many_records_at_once_are_refused(network: Network, alice: Person) -> None:
    one = {"root": "b", "header": "", "capsule": "", "compartment": "", "epoch": 0, "signature": ""}
    for batch in ([], [one] * (MOST_RECORDS + 1)):
        with pytest.raises(InvalidInput):
            network.gateway(alice).publish(batch)
