"""The audit of a real gateway on a real chain: an honest day, and a database that is bent."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select, update

from api.stack import Stack
from ledger import data
from ledger.audit import Report, Step
from ledger.audit.exports import ExportSource, save_export
from ledger.audit.remote import GatewaySource
from ledger.audit.verify import verify
from ledger.chain.calls import revoke_with_preimage
from ledger.chain.reader import read_chain
from ledger.chain.rpc import Rpc
from ledger.chain.transactions import Fees, Transaction, sign_transaction
from ledger.client.accrediting import Accreditor
from ledger.client.config import Config
from ledger.client.drafting import Wish
from ledger.client.gateway import system_clock
from ledger.consent.commitment import filing_from_json, verify_filing
from ledger.consent.selection import any_of
from ledger.crypto.identity import Account
from ledger.crypto.typed import Revocation, consent_domain
from ledger.errors import AccessDenied, Forbidden
from ledger.ids import ConsentId, parse_word
from ledger.log.entry import decode
from ledger.log.receipt import Receipt
from ledger.parties import Role
from ledger.records.bundle import read_bundle
from ledger.records.samples import supplement_for
from ledger.service.keys import read_key
from ledger.store.tables import log_entries
from tests.audit.findings import caught, passed
from tests.network import Network, Person, eventually


@dataclass
class Day:
    """What happened at one gateway, and the auditor who looks at it."""

    network: Network
    auditor: Person
    alice: Person
    clinic: Person
    receipts: list[Receipt]

    def source(self) -> GatewaySource:
        return GatewaySource(self.network.gateway(self.auditor))

    @property
    def key(self) -> str:
        return self.network.stack.server.gateway.journal.verifier

    def audit(self, source: GatewaySource | ExportSource | None = None) -> Report:
        rpc = Rpc(self.network.stack.rpc_url)
        try:
            return verify(
                source or self.source(),
                read_chain(rpc, self.network.config.deployment),
                verifier=self.key,
                now=system_clock(),
                receipts=self.receipts,
            )
        finally:
            rpc.close()

    def index_of(self, kind: str) -> int:
        """The last entry of a kind."""
        entries = self.network.stack.server.gateway.journal.entries()
        return max(one.index for one in entries if decode(one.entry or b"")["kind"] == kind)

    @contextmanager
    def flipped(self, index: int, column: str) -> Iterator[None]:
        """One bit of a row in the gateway's database, turned back afterwards."""
        database = self.network.stack.server.gateway.db
        row = log_entries.c.position == index
        with database.read() as connection:
            kept = connection.execute(select(log_entries.c[column]).where(row)).scalar_one()
        with database.write() as connection:
            bent = bytes([kept[0] ^ 1]) + kept[1:]
            connection.execute(update(log_entries).where(row).values({column: bent}))
        yield
        with database.write() as connection:
            connection.execute(update(log_entries).where(row).values({column: kept}))


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with (
        Stack(tmp_path_factory.mktemp("audited") / "state", anchor_interval=1) as stack,
        ExitStack() as closing,
    ):
        config = Config.parse(stack.network.read_bytes())
        accreditor = Accreditor(config, Account.from_key(read_key(stack.accreditor_key)))
        yield Network(stack=stack, config=config, accreditor=accreditor, closing=closing)


def stop_on_chain(network: Network, person: Person, consent: ConsentId) -> None:
    """The patient stops a consent without the gateway, through an unrelated account."""
    deployment, kept = network.config.deployment, person.state.filings[consent]
    given = verify_filing(
        filing_from_json(kept.filing), chain_id=deployment.chain_id, registry=deployment.registry
    )
    digest = Revocation(consent=parse_word(consent)).digest(
        consent_domain(deployment.chain_id, deployment.registry)
    )
    call = revoke_with_preimage(
        controller=given.controller,
        epoch=given.epoch,
        terms_hash=given.terms_hash,
        until=given.until,
        signature=person.identity.controller(kept.controller).sign(digest),
    )
    rpc, stranger = Rpc(network.stack.rpc_url), network.accreditor.key
    transaction = Transaction(
        chain_id=deployment.chain_id,
        nonce=rpc.nonce(stranger.address, "pending"),
        fees=Fees.at(rpc.fees(), urgent=True),
        gas=300_000,
        to=bytes.fromhex(deployment.registry[2:]),
        data=call,
    )
    rpc.send_raw(sign_transaction(transaction, stranger).raw)
    rpc.close()


@pytest.fixture(scope="module")
def day(network: Network) -> Day:
    """Records, a request, a consent, a reading, a refusal, two ways to stop, a suspension."""
    clinic, lab = network.admitted("City Clinic"), network.admitted("Lab")
    auditor = network.admitted("Auditor", Role.AUDITOR)
    alice, stranger = network.person(), network.person()
    patient, provider, other = network.patient(alice), network.provider(clinic), network.provider(lab)
    provider.evaluate(alice.did, purposes=["TREAT"])  # before she enrolled
    patient.enrol()
    patient.publish_bundle(data.read("bundle.json"))
    patient.publish_bundle(supplement_for(read_bundle(data.read("bundle.json"))))
    request = provider.request_consent(alice.did, purposes=["TREAT"]).request
    wish = Wish(grantees=[clinic.did], purposes=["TREAT"], exceptions=any_of(labels=["PSY"]))
    first = patient.file(patient.draft(wish, request)).consent
    network.wait_active(first)
    report = provider.read(alice.did, purposes=["TREAT"])
    provider.evaluate(alice.did, purposes=["TREAT"], record=report.decision.permitted[0])
    for _ in range(2):
        provider.evaluate(stranger.did, purposes=["TREAT"])
    with pytest.raises(AccessDenied):
        other.read(alice.did, purposes=["TREAT"])
    patient.file(patient.draft(Wish(grantees=[lab.did], purposes=[], deny=True)))
    other.evaluate(alice.did, purposes=["TREAT"], record=report.decision.permitted[0])
    network.accreditor.suspend(clinic.did)
    network.accreditor.reinstate(clinic.did)
    second = patient.file(patient.draft(Wish(grantees=[clinic.did], purposes=["HRESCH"]))).consent
    network.wait_active(second)
    provider.read(alice.did, purposes=["HRESCH"])
    patient.revoke(first)
    provider.evaluate(alice.did, purposes=["TREAT"])
    stop_on_chain(network, alice, second)
    gateway = network.stack.server.gateway
    eventually(lambda: b'"source":"chain"' in (gateway.journal.entries()[-1].entry or b""))
    provider.evaluate(alice.did, purposes=["HRESCH"])
    receipts = [Receipt.from_json(one) for person in (alice, clinic, lab) for one in person.state.receipts]
    size = gateway.journal.size
    eventually(lambda: gateway.follower.index.anchors(gateway.account)[-1].new_size >= size)
    return Day(network=network, auditor=auditor, alice=alice, clinic=clinic, receipts=receipts)


def test_an_honest_gateway_passes(day: Day) -> None:
    report = day.audit()
    passed(report)
    assert day.receipts
    size = report.size or 0
    assert report.result(Step.ENTRY).checked == report.result(Step.TREE).checked == size
    assert report.result(Step.COMPLETE).checked == size + len(day.receipts)
    for step in (Step.CONSENT, Step.REPLAY, Step.RELEASE):
        assert report.result(step).checked >= 3
        assert report.result(step).unchecked == 0
    assert report.result(Step.ANCHOR).checked > 1


def test_the_audit_itself_is_in_the_log_that_it_audits(day: Day) -> None:
    before = day.network.stack.server.gateway.journal.size
    report = day.audit()
    assert (report.size or 0) > before
    assert day.index_of("log.read") >= before


@pytest.mark.parametrize("column", ["tag", "inner", "leaf", "sealed"])
def test_one_bit_in_the_database_is_caught_and_named(day: Day, column: str) -> None:
    index = day.index_of("release")
    with day.flipped(index, column):
        report = day.audit()
    expected = Step.TREE if column == "leaf" else Step.ENTRY
    caught(report, expected)
    caught(report, Step.ENTRY, index, first=False)
    passed(day.audit())


def test_a_row_gone_from_the_database_is_caught_and_named(day: Day) -> None:
    index = day.index_of("release")
    database = day.network.stack.server.gateway.db
    with database.read() as connection:
        row = connection.execute(select(log_entries).where(log_entries.c.position == index)).one()
    with database.write() as connection:
        connection.execute(log_entries.delete().where(log_entries.c.position == index))
    report = day.audit()
    with database.write() as connection:
        connection.execute(log_entries.insert().values(dict(row._mapping)))
    caught(report, Step.TREE)
    caught(report, Step.COMPLETE, index, first=False)
    passed(day.audit())


def test_a_saved_log_passes_without_its_gateway(day: Day, tmp_path: Path) -> None:
    count = save_export(day.source(), tmp_path / "log")
    report = day.audit(ExportSource(tmp_path / "log"))
    passed(report)
    assert report.size == count


def test_only_an_auditor_gets_the_entries(day: Day) -> None:
    with pytest.raises(Forbidden):
        GatewaySource(day.network.gateway(day.clinic)).checkpoint()
