"""Documents for the everyday cases, by name; their terms are in `ledger.consent.terms`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Required, TypedDict, Unpack

from ledger.consent.builder import Party, build
from ledger.consent.selection import EVERYTHING, Named, Selection
from ledger.consent.terms import TERMS, Case
from ledger.ids import Did


class Frame(TypedDict, total=False):
    """Whose choice it is, whom it is about, from when until when; see `build`."""

    patient: Required[Did]
    grantees: Required[Sequence[Party]]
    starts: Required[datetime]
    at: Required[datetime]
    until: datetime | None
    patient_name: str | None
    organization: Party | None


def whole_record(exceptions: Sequence[Selection] = (), **frame: Unpack[Frame]) -> dict[str, Any]:
    """All records for care, but for the exceptions. Raises as `build`."""
    return _document(Case.CARE, frame, EVERYTHING, exceptions)


def some_records(
    which: Selection, exceptions: Sequence[Selection] = (), **frame: Unpack[Frame]
) -> dict[str, Any]:
    """Some records for care: of some classes, of one visit, one document, by author or by date."""
    return _document(Case.CARE, frame, which, exceptions)


def research(
    which: Selection = EVERYTHING, exceptions: Sequence[Selection] = (), **frame: Unpack[Frame]
) -> dict[str, Any]:
    """Records for health research. Raises as `build`."""
    return _document(Case.RESEARCH, frame, which, exceptions)


def emergency_only(
    which: Selection = EVERYTHING, exceptions: Sequence[Selection] = (), **frame: Unpack[Frame]
) -> dict[str, Any]:
    """Records in a declared emergency, and never else. Raises as `build`."""
    return _document(Case.EMERGENCY, frame, which, exceptions)


def one_visit(visit: Named, **frame: Unpack[Frame]) -> dict[str, Any]:
    """What belongs to one visit, for a day; whoever treats the patient may add to it. Raises as `build`."""
    lasts = TERMS[Case.VISIT].lasts
    if frame.get("until") is None and lasts is not None:
        frame["until"] = frame["starts"] + lasts
    return _document(Case.VISIT, frame, Selection(encounters=(visit,)))


def device_writer(classes: Sequence[str], **frame: Unpack[Frame]) -> dict[str, Any]:
    """A device adds records of some classes and reads none. Raises as `build`."""
    return _document(Case.DEVICE, frame, Selection(classes=classes))


def refuse(
    which: Selection = EVERYTHING, purposes: Sequence[str] = (), **frame: Unpack[Frame]
) -> dict[str, Any]:
    """A NO to somebody, or to everybody, that overrides every YES. Raises as `build`."""
    return build(which=which, purposes=purposes, deny=True, **frame)


def _document(
    case: Case, frame: Frame, which: Selection, exceptions: Sequence[Selection] = ()
) -> dict[str, Any]:
    terms = TERMS[case]
    return build(which=which, exceptions=exceptions, purposes=terms.purposes, actions=terms.actions, **frame)
