"""From plain values to a consent document; `ledger.consent.cases` has the everyday ones by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from ledger.consent import codes
from ledger.consent.document import POLICY_URI, STATEMENT, parse_document
from ledger.consent.provisions import RECIPIENT
from ledger.consent.selection import EVERYTHING, Named, Selection, coding
from ledger.errors import DocumentRejected, InvalidInput, UnknownCode
from ledger.ids import Did, parse_did

ACCESS = ("access",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A participant in a document: its account, and its name as its directory profile has it."""

    did: Did
    display: str

    def as_json(self) -> dict[str, Any]:
        """The FHIR Reference."""
        parse_did(self.did)
        return Named(reference=self.did, display=self.display).as_json()


def build(
    *,
    patient: Did,
    grantees: Sequence[Party],
    purposes: Sequence[str],
    starts: datetime,
    at: datetime,
    until: datetime | None = None,
    which: Selection = EVERYTHING,
    exceptions: Sequence[Selection] = (),
    actions: Sequence[str] | None = None,
    deny: bool = False,
    patient_name: str | None = None,
    organization: Party | None = None,
) -> dict[str, Any]:
    """A document that `parse_document` accepts, as JSON.

    Args:
        patient: whose records.
        grantees: who may; with `deny`, who may not (nobody may, if empty).
        purposes: v3-ActReason codes; with `deny` none means any.
        starts: the first instant of the period, aware; written to the second in the zone of `at`.
        at: when the document is written, aware; its offset becomes the document's zone.
        until: the last second of the period, aware; None for no end.
        which: the records that it is about; all unless said otherwise.
        exceptions: what stays closed all the same: whatever fits any of them.
        actions: consentaction codes, none means any; None is `access`, with `deny` any.
        deny: a refusal instead of a permission.
        patient_name: the patient's name in the title of the statement.
        organization: the custodian; carried only.

    Raises:
        UnknownCode: a class, purpose, action or label that no table has.
        InvalidInput: a permission without grantee or purpose, a refusal with exceptions, a period that ends
            before it starts or before `at`, a time without whole-minute offset, a bad name or account, or an
            exception that leaves nothing (``nothing_left``).
        DocumentRejected: an option given twice, one name for two accounts, a bad reference, code or date.
    """
    _check(grantees, purposes, deny=deny, exceptions=exceptions)
    zone = _zone(at)
    if actions is None:
        actions = () if deny else ACCESS
    provision = {
        "type": "deny" if deny else "permit",
        "period": _period(starts, until, at, zone),
        "actor": [_actor(party) for party in grantees],
        "action": [_action(code) for code in actions],
        "purpose": [coding(codes.PURPOSE_SYSTEM, codes.PURPOSES.check(code)) for code in purposes],
        **which.as_json(),
        "provision": [{"type": "deny"} | closed.as_json() for closed in exceptions],
    }
    document = _frame(patient, patient_name, organization, _instant(at, zone))
    document["provision"] = {name: value for name, value in provision.items() if value}
    _require_accepted(document)
    return document


def _require_accepted(document: dict[str, Any]) -> None:
    try:
        parse_document(document)
    except DocumentRejected as exc:
        if exc.reason != "exception_covers_all":
            raise
        raise InvalidInput(
            "what is excepted leaves nothing to share",
            reason="nothing_left",
            fix="Except less, or share more.",
        ) from exc


def _check(
    grantees: Sequence[Party], purposes: Sequence[str], *, deny: bool, exceptions: Sequence[Selection]
) -> None:
    if not deny and not grantees:
        raise InvalidInput("say who may see the records", reason="grantee_required")
    if not deny and not purposes:
        raise InvalidInput("say what the records are for", reason="purpose_required")
    if deny and exceptions:
        raise InvalidInput(
            "a refusal takes no exceptions",
            reason="deny_with_exceptions",
            fix="Name what is refused; what is not refused stays as your other choices say.",
        )


def _frame(
    patient: Did, patient_name: str | None, organization: Party | None, written: str
) -> dict[str, Any]:
    parse_did(patient)
    document: dict[str, Any] = {
        "resourceType": "Consent",
        "status": "active",
        "scope": _concept(codes.SCOPE_SYSTEM, "patient-privacy"),
        "category": [_concept(codes.LOINC_SYSTEM, "59284-0")],
        "patient": Named(reference=patient, display=patient_name).as_json(),
        "dateTime": written,
        "performer": [Named(reference=patient).as_json()],
        "sourceAttachment": {"contentType": "text/plain", "language": "en", "title": STATEMENT},
        "policy": [{"uri": POLICY_URI}],
    }
    if organization is not None:
        document["organization"] = [organization.as_json()]
    return document


def _actor(party: Party) -> dict[str, Any]:
    return {"role": _concept(codes.ROLE_SYSTEM, RECIPIENT), "reference": party.as_json()}


def _concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [coding(system, code)]}


def _action(code: str) -> dict[str, Any]:
    if code not in codes.ACTIONS:
        raise UnknownCode(
            "no such action code", reason="unknown_action", fix=f"use {', '.join(codes.ACTIONS)}"
        )
    return _concept(codes.ACTION_SYSTEM, code)


def _period(starts: datetime, until: datetime | None, at: datetime, zone: timezone) -> dict[str, str]:
    for moment in filter(None, (starts, until)):
        _zone(moment)
    if until is None:
        return {"start": _instant(starts, zone)}
    if until <= max(starts, at):
        raise InvalidInput(
            "the consent would end before it starts", reason="until_past", fix="choose a later end"
        )
    return {"start": _instant(starts, zone), "end": _instant(until, zone)}


def _zone(at: datetime) -> timezone:
    """The fixed offset of `at`."""
    offset = at.utcoffset()
    if offset is None or offset % timedelta(minutes=1):
        raise InvalidInput("a time needs a UTC offset in whole minutes", reason="time_without_offset")
    return timezone(offset)


def _instant(at: datetime, zone: timezone) -> str:
    return at.astimezone(zone).isoformat(timespec="seconds")
