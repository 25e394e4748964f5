"""A provider or a device that adds records to a patient, and cannot read them back."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ledger.client.context import Context
from ledger.client.known import NothingKnown
from ledger.client.ports import Moving, unmoved
from ledger.client.publishing import Publisher, require_same_person, segment_records
from ledger.client.staging import Staging
from ledger.client.writing import WritersOutbox
from ledger.consent.codes import PURPOSES
from ledger.errors import InvalidInput
from ledger.ids import Did
from ledger.parties import Role
from ledger.records.bundle import read_bundle
from ledger.records.patient import patient_fingerprint
from ledger.records.prepared import Prepared


class Writer:
    """One provider writing for one patient; to publishing it looks as a `PatientClient` does."""

    def __init__(self, context: Context, patient: Did, purposes: Sequence[str]) -> None:
        """Nothing is sent yet.

        Args:
            context: the provider's side.
            patient: known from themselves, by a card or a did, and not from a gateway.
            purposes: what the records are written for.

        Raises:
            InvalidInput: the provider's own records (``own_patient``), or no purpose.
            UnknownCode: no such purpose.
        """
        if patient == context.did:
            raise InvalidInput(
                "these would be records of your own",
                reason="own_patient",
                fix="Leave out --patient to add records of your own.",
            )
        if not purposes:
            raise InvalidInput("say what the records are for", reason="purpose_required", fix="Say: TREAT.")
        self._context = context
        self._patient = patient
        self._purposes = tuple(PURPOSES.check(purpose) for purpose in purposes)

    @property
    def did(self) -> Did:
        """The patient."""
        return self._patient

    @property
    def fingerprint(self) -> bytes | None:
        """Of the person whose bundle this provider published first for the patient."""
        return self._context.state.persons.get(self._patient)

    def bundle_records(self, source: Path | bytes, *, same_person: bool = False) -> list[Prepared]:
        """See `publishing.bundle_records`; persons are told apart for each patient."""
        bundle = read_bundle(source)
        require_same_person(self.fingerprint, bundle, same_person=same_person)
        self.bind(patient_fingerprint(bundle))
        return segment_records(bundle, self._patient)

    def bind(self, person: bytes) -> None:
        """Bind the person of the first bundle, by their fingerprint, to the patient."""
        if self.fingerprint is None:
            self._context.state.persons[self._patient] = person
            self._context.state.save()

    @contextmanager
    def publishing(self, *, again: bool = True, moving: Moving = unmoved) -> Iterator[Publisher]:
        """A run of publishing, which begins with what an earlier one could not finish.

        Args:
            again: of no account: only who can open what is there could leave it out.
            moving: told of large records as their bytes are encrypted and stored.

        Raises:
            NotAdmitted: the directory has no provider of this account in force.
            LedgerError: see `Publisher.finish`.
        """
        context = self._context
        context.directory.refresh()
        context.directory.require_standing(context.did, Role.PROVIDER)
        for purposes in self._left_for() - {self._purposes}:
            self._publisher(purposes, moving).finish()
        publisher = self._publisher(self._purposes, moving)
        publisher.finish()
        yield publisher

    def _publisher(self, purposes: Sequence[str], moving: Moving) -> Publisher:
        outbox = WritersOutbox(self._context, self._patient, purposes)
        return Publisher(self._context, outbox, NothingKnown(), moving=moving)

    def _left_for(self) -> set[tuple[str, ...]]:
        """The purposes for which earlier runs have records to finish."""
        staging = Staging(self._context.state.staging, self._context.identity)
        return {batch.purposes for batch in staging.left(self._patient)}
