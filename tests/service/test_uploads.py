"""What was brought and not published: whoever brought it can take it back; a day later it goes by itself."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from api.worker import Worker
from ledger.client.blocks import GatewayBlocks
from ledger.client.outbox import OwnOutbox
from ledger.client.patient import PatientClient
from ledger.errors import BlockMissing, Forbidden, GatewayUnreachable, NotFound, StoreUnavailable
from ledger.ids import Address, Cid
from ledger.records.blocks import LocalBlockStore, MemoryBlockStore
from ledger.records.cid import Codec, cid_of
from ledger.records.manifest import store, walk
from ledger.service import uploads
from ledger.service.gateway import Gateway
from ledger.store.tables import uploads as table
from tests.network import Network, Person, small_bundle

BUNDLE = small_bundle("Condition", "Immunization")


@pytest.fixture(scope="module")
def gateway(network: Network) -> Gateway:
    return network.stack.server.gateway


@pytest.fixture
def alice(network: Network) -> Person:
    return network.enrolled()


@pytest.fixture
def bob(network: Network) -> Person:
    return network.enrolled()


def remote(network: Network, person: Person) -> PatientClient:
    """A patient's client that reaches the block store through the gateway alone."""
    client = network.gateway(person)
    return PatientClient(
        identity=person.identity,
        gateway=client,
        directory=network.directory(),
        state=person.state,
        blocks=GatewayBlocks(client),
    )


def account(person: Person) -> Address:
    return person.identity.account.address


def block() -> tuple[Cid, bytes]:
    data = os.urandom(64)
    return cid_of(Codec.RAW, data), data


def later(gateway: Gateway, **difference: int) -> Gateway:
    """The same gateway after some time."""
    return replace(gateway, clock=lambda: datetime.now(UTC) + timedelta(**difference))


def waiting(gateway: Gateway) -> set[Cid]:
    with gateway.db.read() as connection:
        return {Cid(cid) for cid in connection.execute(select(table.c.cid)).scalars()}


class TestTakingBack:
    def test_who_brought_a_block_can_take_it_back(self, network: Network, alice: Person) -> None:
        blocks = GatewayBlocks(network.gateway(alice))
        cid, data = block()
        blocks.put(cid, data)
        assert blocks.has(cid)
        blocks.delete(cid)
        assert not blocks.has(cid)
        blocks.delete(cid)

    def test_to_anybody_else_it_is_unknown(
        self, network: Network, gateway: Gateway, alice: Person, bob: Person
    ) -> None:
        cid, data = block()
        uploads.put(gateway, account(alice), cid, data)
        client = network.gateway(bob)
        answers = []
        for asked in (cid, block()[0]):
            with pytest.raises(NotFound) as caught:
                client.take_back_block(asked)
            answers.append((caught.value.message, caught.value.reason, caught.value.fields))
        assert answers[0] == answers[1]
        assert gateway.blocks.get(cid) == data

    def test_a_block_that_two_brought_stays_until_both_let_go(
        self, gateway: Gateway, alice: Person, bob: Person
    ) -> None:
        cid, data = block()
        for person in (alice, bob, alice):
            uploads.put(gateway, account(person), cid, data)
        uploads.take_back(gateway, account(alice), cid)
        assert gateway.blocks.has(cid)
        uploads.take_back(gateway, account(bob), cid)
        assert not gateway.blocks.has(cid)

    def test_a_published_block_stays_whoever_brings_it_again(
        self, network: Network, gateway: Gateway, alice: Person
    ) -> None:
        (record, *_) = remote(network, alice).publish_bundle(BUNDLE)
        blocks = GatewayBlocks(network.gateway(alice))
        for cid, _ in walk(record.root, gateway.blocks):
            blocks.put(cid, gateway.blocks.get(cid))
            blocks.delete(cid)
            assert gateway.blocks.has(cid)
        assert waiting(gateway).isdisjoint(cid for cid, _ in walk(record.root, gateway.blocks))

    def test_who_may_bring_no_more_can_still_take_back(self, network: Network, gateway: Gateway) -> None:
        stranger = network.person()
        cid, data = block()
        uploads.put(gateway, account(stranger), cid, data)
        GatewayBlocks(network.gateway(stranger)).delete(cid)
        assert not gateway.blocks.has(cid)


class TestPublishing:
    def test_what_is_refused_leaves_nothing_at_the_gateway(
        self, network: Network, gateway: Gateway, alice: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = set(gateway.blocks.cids())

        def refuse(self: OwnOutbox, batch: list[object]) -> None:
            assert set(gateway.blocks.cids()) > before
            raise Forbidden("no", reason="never")

        monkeypatch.setattr(OwnOutbox, "send", refuse)
        with pytest.raises(Forbidden):
            remote(network, alice).publish_bundle(BUNDLE)
        assert set(gateway.blocks.cids()) == before
        assert list(alice.state.staging.glob("*")) == []

    def test_what_is_there_already_is_not_fetched(
        self, network: Network, gateway: Gateway, alice: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        blocks = GatewayBlocks(network.gateway(alice))
        source = MemoryBlockStore()
        root = store([os.urandom(3 << 20)], source)
        blocks.adopt(root, source)

        def fetched(self: GatewayBlocks, cid: Cid) -> bytes:
            raise AssertionError("a block was fetched")

        monkeypatch.setattr(GatewayBlocks, "get", fetched)
        monkeypatch.setattr(GatewayBlocks, "put", fetched)
        blocks.adopt(root, source)

    def test_a_damaged_block_is_brought_again(self, network: Network, alice: Person) -> None:
        local, blocks = network.blocks(), GatewayBlocks(network.gateway(alice))
        source = MemoryBlockStore()
        root = store([os.urandom(64)], source)
        blocks.adopt(root, source)
        local.path_of(root).write_bytes(b"damaged")
        assert not blocks.has(root)
        blocks.adopt(root, source)
        assert local.get(root) == source.get(root)

    def test_a_record_that_lacks_a_block_is_not_published(
        self, network: Network, gateway: Gateway, alice: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        send, before = OwnOutbox.send, waiting(gateway)

        def losing(self: OwnOutbox, batch: list[object]) -> None:
            lost = next(cid for cid in waiting(gateway) - before if cid.startswith("bafk"))
            gateway.blocks.delete(lost)
            send(self, batch)  # type: ignore[arg-type]

        monkeypatch.setattr(OwnOutbox, "send", losing)
        with pytest.raises(BlockMissing):
            remote(network, alice).publish_bundle(BUNDLE)
        assert remote(network, alice).records() == []


class TestSweeping:
    def test_what_was_left_behind_goes_after_a_day(self, gateway: Gateway, alice: Person) -> None:
        cid, data = block()
        uploads.put(gateway, account(alice), cid, data)
        uploads.sweep(later(gateway, hours=23))
        assert gateway.blocks.has(cid)
        assert uploads.sweep(later(gateway, hours=25)) >= 1
        assert not gateway.blocks.has(cid)
        assert cid not in waiting(gateway)

    def test_the_worker_sweeps(self, gateway: Gateway, alice: Person) -> None:
        cid, data = block()
        uploads.put(gateway, account(alice), cid, data)
        Worker(later(gateway, hours=25))._erase()
        assert not gateway.blocks.has(cid)

    def test_an_upload_may_take_longer_than_that(self, gateway: Gateway, alice: Person) -> None:
        first, second = block(), block()
        uploads.put(gateway, account(alice), *first)
        uploads.put(later(gateway, hours=20), account(alice), *second)
        uploads.sweep(later(gateway, hours=30))
        assert gateway.blocks.has(first[0])
        uploads.sweep(later(gateway, hours=45))
        assert not gateway.blocks.has(first[0])

    def test_what_somebody_else_still_brings_stays(
        self, gateway: Gateway, alice: Person, bob: Person
    ) -> None:
        cid, data = block()
        uploads.put(gateway, account(alice), cid, data)
        uploads.put(later(gateway, hours=20), account(bob), cid, data)
        uploads.sweep(later(gateway, hours=30))
        assert gateway.blocks.has(cid)

    def test_what_is_being_published_stays(self, gateway: Gateway, alice: Person) -> None:
        source = MemoryBlockStore()
        root = store([os.urandom(64)], source)
        for cid in source.cids():
            uploads.put(gateway, account(alice), cid, source.get(cid))
        assert set(uploads.hold(later(gateway, hours=30), [root])) == set(source.cids())
        uploads.sweep(later(gateway, hours=31))
        assert all(gateway.blocks.has(cid) for cid in source.cids())

    def test_published_records_stay(self, network: Network, gateway: Gateway, alice: Person) -> None:
        made = remote(network, alice).publish_bundle(BUNDLE)
        uploads.sweep(later(gateway, hours=1000))
        assert all(gateway.blocks.has(cid) for one in made for cid, _ in walk(one.root, gateway.blocks))

    @pytest.mark.parametrize("after", [False, True])
    def test_a_sweep_that_was_cut_in_two_is_finished_by_the_next(
        self, gateway: Gateway, alice: Person, monkeypatch: pytest.MonkeyPatch, after: bool
    ) -> None:
        brought = [block() for _ in range(3)]
        for cid, data in brought:
            uploads.put(gateway, account(alice), cid, data)
        delete, calls = LocalBlockStore.delete, 0

        def cut(self: LocalBlockStore, cid: Cid) -> None:
            nonlocal calls
            calls += 1
            if calls == 2 and not after:
                raise StoreUnavailable("away", reason="away")
            delete(self, cid)
            if calls == 2:
                raise StoreUnavailable("away", reason="away")

        with monkeypatch.context() as patch:
            patch.setattr(LocalBlockStore, "delete", cut)
            with pytest.raises(StoreUnavailable):
                uploads.sweep(later(gateway, hours=30))
        assert {cid for cid, _ in brought} <= waiting(gateway)
        uploads.sweep(later(gateway, hours=30))
        assert not any(gateway.blocks.has(cid) for cid, _ in brought)

    @pytest.mark.parametrize("broken", ["has", "put"])
    def test_a_block_whose_bringing_was_cut_in_two_leaves_nothing(
        self, gateway: Gateway, alice: Person, monkeypatch: pytest.MonkeyPatch, broken: str
    ) -> None:
        cid, data = block()

        def cut(self: LocalBlockStore, *arguments: object) -> None:
            raise StoreUnavailable("away", reason="away")

        with monkeypatch.context() as patch:
            patch.setattr(LocalBlockStore, broken, cut)
            with pytest.raises(StoreUnavailable):
                uploads.put(gateway, account(alice), cid, data)
        uploads.sweep(later(gateway, hours=30))
        assert not gateway.blocks.has(cid)
        assert cid not in waiting(gateway)


def test_what_an_erased_patient_had_brought_goes_at_once(
    gateway: Gateway, alice: Person, bob: Person
) -> None:
    shared, alone = block(), block()
    for person in (alice, bob):
        uploads.put(gateway, account(person), *shared)
    uploads.put(gateway, account(alice), *alone)
    state = gateway.states.need(account(alice))
    with gateway.db.write() as connection:
        gateway.stores.erasures.forget(connection, state.tag)
        lookups = set(connection.execute(select(table.c.lookup)).scalars())
    gateway.states.forget(state.tag)
    assert gateway.look_up(account(alice)) not in lookups
    uploads.sweep(gateway)
    assert not gateway.blocks.has(alone[0])
    assert gateway.blocks.has(shared[0])


def test_an_upload_that_broke_off_is_finished_by_the_next_run(
    network: Network, gateway: Gateway, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(gateway.blocks.cids())
    put, calls = GatewayBlocks.put, 0

    def broken_off(self: GatewayBlocks, cid: Cid, data: bytes) -> None:
        nonlocal calls
        calls += 1
        if calls > 2:
            raise GatewayUnreachable("away")
        put(self, cid, data)

    with monkeypatch.context() as patch:
        patch.setattr(GatewayBlocks, "put", broken_off)
        with pytest.raises(GatewayUnreachable):
            remote(network, alice).publish_bundle(BUNDLE)
    left = set(gateway.blocks.cids()) - before
    assert left
    patient = remote(network, alice)
    patient.publish_bundle(BUNDLE)
    kept = {cid for one in patient.records() for cid, _ in walk(one.root, gateway.blocks)}
    assert left < set(gateway.blocks.cids()) - before == kept
    assert waiting(gateway).isdisjoint(kept)
