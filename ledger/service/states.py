"""What decisions are made on: a patient's consents and records as of a version."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

from sqlalchemy import Connection

from ledger.consent.document import ConsentDocument, parse_document
from ledger.errors import Forbidden, NotFound
from ledger.ids import Address, Cid, ConsentId, Did, digest, parse_did
from ledger.log.journal import PatientChanged
from ledger.policy.compiler import CompiledConsent, compile_consent
from ledger.policy.index import RecordIndex
from ledger.policy.preview import Standing
from ledger.records.header import INBOX, RecordHeader
from ledger.store.consents import ConsentRow
from ledger.store.database import Database
from ledger.store.departures import Leaving
from ledger.store.patients import PatientRow
from ledger.store.records import RecordRow
from ledger.store.repositories import Repositories

T = TypeVar("T")
IN_INBOX = digest(INBOX)
"""The compartment of what is sealed to a patient's inbox."""
_ATTEMPTS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledConsent:
    """A consent as decisions use it."""

    row: ConsentRow
    document: ConsentDocument
    compiled: CompiledConsent

    @property
    def id(self) -> ConsentId:
        """The consent id."""
        return ConsentId(self.row.consent)

    @property
    def standing(self) -> Standing:
        """Document and rules, for previews."""
        return Standing(document=self.document, compiled=self.compiled)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRecord:
    """A record as decisions use it; `waits` in the inbox for its patient to file it."""

    row: RecordRow
    header: RecordHeader

    @property
    def place(self) -> tuple[str, int]:
        """Compartment and epoch that its key is sealed to."""
        return self.row.sealed["compartment"], self.row.sealed["epoch"]

    @property
    def waits(self) -> bool:
        """Whether it was sealed to the inbox and not re-filed since."""
        return bool(self.row.sealed["compartment"] == IN_INBOX)


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class PatientState:
    """All of one patient that decisions depend on, as of `version`.

    ``departed``: they go on elsewhere, so that nothing is taken from them here any more.
    """

    tag: bytes
    did: Did
    account: Address
    version: int
    sealed: dict[str, Any]
    consents: tuple[FiledConsent, ...]
    records: tuple[PublishedRecord, ...]
    departed: Leaving | None = None

    @cached_property
    def index(self) -> RecordIndex:
        """The records as decisions ask about them."""
        return RecordIndex.of(record.header.facts(Cid(record.row.root)) for record in self.records)


class PatientStates:
    """Patients in memory, each read again when its version in the database has moved."""

    def __init__(
        self,
        db: Database,
        stores: Repositories,
        look_up: Callable[[Address], bytes],
        *,
        size: int = 16384,
    ) -> None:
        self._db = db
        self._stores = stores
        self._look_up = look_up
        self._size = size
        self._states: dict[bytes, PatientState] = {}
        self._tags: dict[Address, bytes] = {}
        self._forgotten: set[bytes] = set()

    def find(self, account: Address) -> PatientState | None:
        """The state of the patient with this account, None if nobody enrolled with it."""
        with self._db.read() as connection:
            return self.at_once(connection, [account])(account)

    def known(self, account: Address) -> PatientState | None:
        """The state as it was read last, if it is in memory; the database may have moved on."""
        tag = self._tags.get(account)
        return None if tag is None else self._states.get(tag)

    def need(self, account: Address) -> PatientState:
        """`find`, or NotFound with what to do; Forbidden if the patient goes on under another account."""
        state = _enrolled(self.find(account))
        if state.departed is Leaving.SUCCEEDED:
            raise gone(state.departed)
        return state

    @staticmethod
    def enrolled(state: PatientState | None) -> PatientState:
        """A state that was found, or NotFound with what to do."""
        return _enrolled(state)

    def tagged(self, tag: bytes) -> PatientState | None:
        """The state of the patient with this tag."""
        with self._db.read() as connection:
            row = self._stores.patients.by_tag(connection, tag)
            return None if row is None else self._at(connection, row)

    def remembered(self, consent: ConsentId) -> FiledConsent | None:
        """A consent that is in memory, as it was when it was last read; the database is not asked."""
        return next(
            (one for state in list(self._states.values()) for one in state.consents if one.id == consent),
            None,
        )

    def at_once(
        self, connection: Connection, accounts: Iterable[Address]
    ) -> Callable[[Address], PatientState | None]:
        """`find` for any of these accounts, as long as this transaction lasts."""
        lookups = {account: self._look_up(account) for account in accounts}
        versions = self._stores.patients.versions(connection, set(lookups.values()))

        def state_of(account: Address) -> PatientState | None:
            found = versions.get(lookups[account])
            if found is None:
                return None
            tag, version = found
            known = self._states.get(tag)
            if known is not None and known.version == version:
                return known
            row = self._stores.patients.by_tag(connection, tag)
            return None if row is None else self._at(connection, row)

        return state_of

    def forget(self, tag: bytes) -> None:
        """Keep nothing of an erased patient in memory, nor anything read before and still at work."""
        self._forgotten.add(tag)
        self._drop(tag)

    def of_anybody(self, account: Address, act: Callable[[PatientState | None], T]) -> T:
        """Run `act` on the state of an account, None if nobody enrolled with it; else as `sequenced`.

        Raises:
            PatientChanged: sixteen times in a row; the patient's acts come too fast.
        """
        for _ in range(_ATTEMPTS - 1):
            try:
                return act(self.find(account))
            except PatientChanged:
                continue
        return act(self.find(account))

    def sequenced(self, account: Address, act: Callable[[PatientState], T]) -> T:
        """Run `act` on the patient's state, again whenever another act was sequenced in between.

        Raises:
            NotFound: nobody enrolled with this account.
            Forbidden: the patient goes on under another account, or at another gateway.
            PatientChanged: sixteen times in a row; the patient's acts come too fast.
        """
        return self.of_anybody(account, lambda state: act(_here(_enrolled(state))))

    def _at(self, connection: Connection, row: PatientRow) -> PatientState:
        known = self._states.get(row.tag)
        if known is not None and known.version == row.version:
            return known
        state = _load(self._stores, connection, row, known)
        while len(self._states) >= self._size and row.tag not in self._states:
            self._drop(next(iter(self._states)))
        self._states[row.tag] = state
        self._tags[state.account] = row.tag
        if row.tag in self._forgotten:  # erased while this was read
            self._drop(row.tag)
        return state

    def _drop(self, tag: bytes) -> None:
        state = self._states.pop(tag, None)
        if state is not None:
            self._tags.pop(state.account, None)


def gone(how: Leaving) -> Forbidden:
    """The answer to whoever would act for a patient who left."""
    if how is Leaving.SUCCEEDED:
        return Forbidden(
            "this account was given up for a new one",
            reason="account_succeeded",
            fix="Use the new words. If you did not give it up, tell your clinic and the gateway's operator.",
        )
    return Forbidden(
        "this patient has moved to another gateway",
        reason="patient_moved",
        fix="Do it at the new gateway.",
    )


def _here(state: PatientState) -> PatientState:
    if state.departed is not None:
        raise gone(state.departed)
    return state


def _enrolled(state: PatientState | None) -> PatientState:
    if state is None:
        raise NotFound(
            "this account is not enrolled here as a patient",
            reason="not_enrolled",
            fix="Enrol first: `consent patient enrol`.",
        )
    return state


def _load(
    stores: Repositories, connection: Connection, row: PatientRow, known: PatientState | None
) -> PatientState:
    """The state now, taking from `known` what cannot have changed: documents, and records left in place."""
    did = Did(row.sealed["patient"])
    earlier = {} if known is None else {consent.id: consent for consent in known.consents}
    records = {} if known is None else {record.row.root: record for record in known.records}
    after = max((record.row.changed for record in records.values()), default=-1)
    for record in stores.records.of_patient(connection, row.tag, after=after):
        header = RecordHeader.from_bytes(record.sealed["header"].encode())
        records[record.root] = PublishedRecord(row=record, header=header)
    return PatientState(
        tag=row.tag,
        did=did,
        account=parse_did(did)[1],
        version=row.version,
        sealed=row.sealed,
        consents=tuple(
            _filed(consent, earlier.get(ConsentId(consent.consent)))
            for consent in stores.consents.of_patient(connection, row.tag)
        ),
        records=tuple(records.values()),
        departed=None if (left := stores.departures.find(connection, row.tag)) is None else left.kind,
    )


def _filed(row: ConsentRow, earlier: FiledConsent | None) -> FiledConsent:
    if earlier is not None:
        return replace(earlier, row=row)
    document = parse_document(row.sealed["filing"]["document"].encode())
    compiled = compile_consent(ConsentId(row.consent), document)
    return FiledConsent(row=row, document=document, compiled=compiled)
