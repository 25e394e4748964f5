"""What an audit remembers of each patient while it reads: the consents that hold, and the records.

Only what was verified is here: a consent without proof, or a record without a valid publication, permits
nothing in a replay.
"""

from dataclasses import dataclass, field

from ledger.consent.commitment import VerifiedConsent
from ledger.ids import Address, ConsentId
from ledger.policy.compiler import CompiledConsent
from ledger.policy.index import RecordIndex
from ledger.policy.model import RecordFacts
from ledger.records.header import RecordHeader


@dataclass(slots=True, kw_only=True)
class HeldConsent:
    """A consent that its patient gave; ``revoked`` is set by the first stop in the log, never cleared."""

    given: VerifiedConsent
    compiled: CompiledConsent
    revoked: bool = False


@dataclass(slots=True, kw_only=True)
class PatientState:
    """One patient as of the entry that is being read; ``changed`` is the last entry that changed it.

    ``waiting`` has the records in the patient's inbox, which nobody can be handed, by their roots:
    header and writer.
    """

    consents: dict[ConsentId, HeldConsent] = field(default_factory=dict)
    waiting: dict[str, tuple[RecordHeader, Address]] = field(default_factory=dict)
    changed: int = -1
    _records: dict[str, RecordFacts] = field(default_factory=dict)
    _index: RecordIndex | None = None

    def publish(self, root: str, facts: RecordFacts) -> None:
        """Remember a record by its root."""
        self._records[root] = facts
        self._index = None

    def has(self, root: str) -> bool:
        """Whether a record with this root is known."""
        return root in self._records

    @property
    def records(self) -> RecordIndex:
        """The records as decisions ask about them."""
        if self._index is None:
            self._index = RecordIndex.of(self._records.values())
        return self._index


class Patients:
    """All patients by did, and whose each consent is that was filed."""

    def __init__(self) -> None:
        self._states: dict[str, PatientState] = {}
        self.filed: dict[str, str] = {}

    def state(self, patient: str) -> PatientState:
        """What is known of a patient; nothing, at first."""
        found = self._states.get(patient)
        if found is None:
            found = self._states[patient] = PatientState()
        return found
