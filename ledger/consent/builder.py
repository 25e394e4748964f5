"""Consent documents for the everyday cases, from plain options."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from ledger.consent import codes
from ledger.consent.document import POLICY_URI, STATEMENT, parse_document
from ledger.consent.elements import URI_SYSTEM
from ledger.consent.names import check_name
from ledger.consent.provisions import RECIPIENT
from ledger.errors import InvalidInput, UnknownCode
from ledger.ids import Did, parse_did


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A participant in a document: its account, and its name as its directory profile has it."""

    did: Did
    display: str


def build(
    *,
    patient: Did,
    grantees: Sequence[Party],
    purposes: Sequence[str],
    starts: datetime,
    until: datetime | None,
    at: datetime,
    patient_name: str | None = None,
    organization: Party | None = None,
    classes: Sequence[str] = (),
    actions: Sequence[str] = ("access",),
    excepted_labels: Sequence[str] = (),
    excepted_classes: Sequence[str] = (),
    deny: bool = False,
) -> dict[str, Any]:
    """A document that `parse_document` accepts, as JSON.

    Args:
        patient: whose records.
        grantees: who may see them; with `deny`, who may not (nobody may, if empty).
        purposes: v3-ActReason codes; with `deny` none means any.
        starts: the first instant of the period, aware; written to the second in the zone of `at`.
        until: the last second of the period, aware; None for no end.
        at: when the document is written, aware; its offset becomes the document's zone.
        patient_name: the patient's name in the title of the statement.
        organization: the custodian; carried only.
        classes: words or class codes; none means the whole record.
        actions: consentaction codes; none means any.
        excepted_labels: sensitivity or confidentiality codes that stay closed.
        excepted_classes: classes that stay closed.
        deny: a refusal instead of a permission.

    Raises:
        UnknownCode: a class, purpose, action or label that no table has.
        InvalidInput: a permission without grantee or purpose, a refusal with exceptions, a period that ends
            before it starts or before `at`, a time without whole-minute offset, a bad name or account.
        DocumentRejected: an option given twice, one name for two accounts, or the like.
    """
    _check(grantees, purposes, deny=deny, excepted=[*excepted_labels, *excepted_classes])
    zone = _zone(at)
    for moment in filter(None, (starts, until)):
        _zone(moment)
    if until is not None and until <= max(starts, at):
        raise InvalidInput(
            "the consent would end before it starts", reason="until_past", fix="choose a later end"
        )
    period = {"start": _instant(starts, zone)}
    if until is not None:
        period["end"] = _instant(until, zone)
    provision = {
        "type": "deny" if deny else "permit",
        "period": period,
        "actor": [_actor(party) for party in grantees],
        "action": [_action(code) for code in actions],
        "purpose": [_coding(codes.PURPOSE_SYSTEM, codes.PURPOSES.check(code)) for code in purposes],
        "class": [_class(text) for text in classes],
        "provision": _exceptions(excepted_labels, excepted_classes),
    }
    document = _frame(patient, patient_name, organization, _instant(at, zone))
    document["provision"] = {name: value for name, value in provision.items() if value}
    parse_document(document)
    return document


def _check(grantees: Sequence[Party], purposes: Sequence[str], *, deny: bool, excepted: list[str]) -> None:
    if not deny and not grantees:
        raise InvalidInput("say who may see the records", reason="grantee_required")
    if not deny and not purposes:
        raise InvalidInput("say what the records are for", reason="purpose_required")
    if deny and excepted:
        raise InvalidInput("a refusal takes no exceptions", reason="deny_with_exceptions")


def _frame(
    patient: Did, patient_name: str | None, organization: Party | None, written: str
) -> dict[str, Any]:
    parse_did(patient)
    subject: dict[str, Any] = {"identifier": {"system": URI_SYSTEM, "value": patient}}
    document: dict[str, Any] = {
        "resourceType": "Consent",
        "status": "active",
        "scope": _concept(codes.SCOPE_SYSTEM, "patient-privacy"),
        "category": [_concept(codes.LOINC_SYSTEM, "59284-0")],
        "patient": subject if patient_name is None else subject | {"display": check_name(patient_name)},
        "dateTime": written,
        "performer": [subject],
        "sourceAttachment": {"contentType": "text/plain", "language": "en", "title": STATEMENT},
        "policy": [{"uri": POLICY_URI}],
    }
    if organization is not None:
        document["organization"] = [_party(organization)]
    return document


def _exceptions(labels: Sequence[str], classes: Sequence[str]) -> list[dict[str, Any]]:
    """One nested deny for each kind of exception, because within one all must fit."""
    confidential = [code for code in labels if code in codes.CONFIDENTIALITIES]
    sensitive = [codes.SENSITIVITIES.check(code) for code in labels if code not in codes.CONFIDENTIALITIES]
    found: list[dict[str, Any]] = []
    for system, chosen in (
        (codes.SENSITIVITY_SYSTEM, sensitive),
        (codes.CONFIDENTIALITY_SYSTEM, confidential),
    ):
        if chosen:
            found.append({"type": "deny", "securityLabel": [_coding(system, code) for code in chosen]})
    if classes:
        found.append({"type": "deny", "class": [_class(text) for text in classes]})
    return found


def _party(party: Party) -> dict[str, Any]:
    parse_did(party.did)
    return {"identifier": {"system": URI_SYSTEM, "value": party.did}, "display": check_name(party.display)}


def _actor(party: Party) -> dict[str, Any]:
    return {"role": _concept(codes.ROLE_SYSTEM, RECIPIENT), "reference": _party(party)}


def _class(text: str) -> dict[str, str]:
    code = codes.class_code(text)
    return _coding(codes.CLASSES[code].system, code)


def _coding(system: str, code: str) -> dict[str, str]:
    return {"system": system, "code": code}


def _concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [_coding(system, code)]}


def _action(code: str) -> dict[str, Any]:
    if code not in codes.ACTIONS:
        raise UnknownCode(
            "no such action code", reason="unknown_action", fix=f"use {', '.join(codes.ACTIONS)}"
        )
    return _concept(codes.ACTION_SYSTEM, code)


def _zone(at: datetime) -> timezone:
    """The fixed offset of `at`."""
    offset = at.utcoffset()
    if offset is None or offset % timedelta(minutes=1):
        raise InvalidInput("a time needs a UTC offset in whole minutes", reason="time_without_offset")
    return timezone(offset)


def _instant(at: datetime, zone: timezone) -> str:
    return at.astimezone(zone).isoformat(timespec="seconds")
