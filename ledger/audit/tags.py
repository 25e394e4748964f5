"""One patient, one tag: under which tag each patient's entries stand, and what proves it.

The tag of a patient is the erasure address that their account signed; ``consent.filed`` shows that signature.
Before somebody enrols, what is asked about their account stands under a tag that the gateway makes up. So an
account may have one other tag, for requests and refusals only, and only before its own entries begin.
"""

from dataclasses import dataclass

from ledger.audit.shapes import AnyEntry, Asked, Decision
from ledger.policy.model import Outcome


@dataclass(slots=True)
class _Known:
    tag: bytes
    made_up: bool
    proven: bool = False


class Tags:
    """The tags of all patients, as the log goes on."""

    def __init__(self) -> None:
        self._by_patient: dict[str, _Known] = {}
        self._taken: dict[bytes, str] = {}

    def place(self, patient: str, tag: bytes, entry: AnyEntry) -> str:
        """Put an entry under its tag; why it cannot stand there, or nothing."""
        if self._taken.setdefault(tag, patient) != patient:
            return "the tag of another patient"
        idle = isinstance(entry, Asked) or (
            isinstance(entry, Decision) and entry.outcome == Outcome.NO_CONSENT
        )
        known = self._by_patient.get(patient)
        if known is None:
            self._by_patient[patient] = _Known(tag, made_up=idle)
        elif known.tag == tag:
            known.made_up = known.made_up and idle
        elif known.made_up:
            self._by_patient[patient] = _Known(tag, made_up=False)
        else:
            return "a second tag of its patient"
        return ""

    def prove(self, patient: str) -> None:
        """The patient's signature over the tag was seen and holds."""
        self._by_patient[patient].proven = True

    def opened(self, tag: bytes) -> bool:
        """Whether any entry under this tag was read."""
        return tag in self._taken

    @property
    def unproven(self) -> int:
        """Of how many patients no signature over their tag was seen."""
        return sum(not known.proven and not known.made_up for known in self._by_patient.values())
