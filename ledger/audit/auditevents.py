"""Log entries as FHIR R4 AuditEvents in the shapes of IHE BALP (Basic Audit Log Patterns).

A decision becomes an *AuthZconsent*, a release a *PrivacyDisclosure* as its source records it. Their slices
are closed, so what a log does not know is said with a data-absent-reason where the profile wants a value: no
consent, where none covered the question, and no network address, which no log entry has.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ledger.ids import Did
from ledger.log.entry import EntryKind

_PROFILES = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
_SUBTYPES = "https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType"
_DCM = "http://dicom.nema.org/resources/ontology/DCM"
_SCT = "http://snomed.info/sct"
_THO = "http://terminology.hl7.org/CodeSystem/"
_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_SUCCESS, _FAILURE = "0", "8"
_ADDRESS_UNKNOWN = {"extension": [{"url": _ABSENT, "valueCode": "unknown"}]}

MAPPED = frozenset({EntryKind.DECISION, EntryKind.RELEASE})
"""The kinds of entries that have an AuditEvent."""


def audit_event(
    index: int, entry: Mapping[str, Any], *, gateway: Did, names: Mapping[str, str | None]
) -> dict[str, Any]:
    """The AuditEvent of a decision or release.

    Args:
        index: of the entry.
        entry: its members; one of `MAPPED`.
        gateway: the did of the gateway that decided, and that keeps the log.
        names: under which name each did is known, as far as it is.
    """
    people = _People(gateway, names)
    return (
        _authorization(index, entry, people)
        if entry["kind"] == EntryKind.DECISION
        else _disclosure(index, entry, people)
    )


class _People:
    """Dids as references that say who is meant, with a name where there is one."""

    def __init__(self, gateway: Did, names: Mapping[str, str | None]) -> None:
        self.gateway = self._reference(gateway, names.get(gateway))
        self._names = names

    def who(self, did: str) -> dict[str, Any]:
        return self._reference(did, self._names.get(did))

    @staticmethod
    def _reference(did: str, name: str | None) -> dict[str, Any]:
        shown = {} if name is None else {"display": name}
        return {"identifier": {"system": "urn:ietf:rfc:3986", "value": did}, **shown}


def _authorization(index: int, entry: Mapping[str, Any], people: _People) -> dict[str, Any]:
    permitted = entry["outcome"] == "PERMIT"
    subject = people.who(entry["subject"])
    return {
        **_event(index, entry, people, profile="AuthZconsent"),
        "type": _coding(_DCM, "110113", "Security Alert"),
        "subtype": [_coding(_SUBTYPES, "AuthZ-Consent", "Authorization Decision using Roles and Consent")],
        "action": "E",
        "outcome": _SUCCESS if permitted else _FAILURE,
        "outcomeDesc": entry["outcome"],
        "purposeOfEvent": _purposes(entry["purpose"]),
        "agent": [
            {
                **_agent(_DCM, "110150", "Application", subject, requestor=False),
                "network": _ADDRESS_UNKNOWN,
            },
            _agent(f"{_THO}v3-ParticipationType", "IRCP", "information recipient", subject, requestor=True),
            _agent(f"{_THO}v3-RoleClass", "PROV", "healthcare provider", subject, requestor=False),
            _agent(
                f"{_THO}extra-security-role-type",
                "authserver",
                "authorization server",
                people.gateway,
                requestor=False,
            ),
        ],
        "entity": [_patient(entry, people), *_consents(entry["basis"])],
    }


def _disclosure(index: int, entry: Mapping[str, Any], people: _People) -> dict[str, Any]:
    recipient = people.who(entry["subject"])
    return {
        **_event(index, entry, people, profile="PrivacyDisclosure.Source"),
        "type": _coding(_DCM, "110106", "Export"),
        "subtype": [_coding(f"{_THO}iso-21089-lifecycle", "disclose", "Disclose Record Lifecycle Event")],
        "action": "R",
        "outcome": _SUCCESS,
        "purposeOfEvent": _purposes(entry["request"]["purpose"]),
        "agent": [
            {
                **_agent(_DCM, "110153", "Source Role ID", people.gateway, requestor=False),
                "network": _ADDRESS_UNKNOWN,
            },
            {
                **_agent(_DCM, "110152", "Destination Role ID", recipient, requestor=True),
                "network": _ADDRESS_UNKNOWN,
            },
            _agent(_SCT, "429577009", "Patient Advocate", people.who(entry["patient"]), requestor=False),
        ],
        "entity": [_patient(entry, people), *map(_record, entry["records"])],
    }


def _event(index: int, entry: Mapping[str, Any], people: _People, *, profile: str) -> dict[str, Any]:
    moment = datetime.fromtimestamp(entry["time"] / 1000, UTC)
    return {
        "resourceType": "AuditEvent",
        "id": f"entry-{index}",
        "meta": {"profile": [f"{_PROFILES}{profile}"]},
        "recorded": moment.isoformat(timespec="milliseconds"),
        "source": {"observer": people.gateway},
    }


def _agent(system: str, code: str, display: str, who: dict[str, Any], *, requestor: bool) -> dict[str, Any]:
    return {"type": {"coding": [_coding(system, code, display)]}, "who": who, "requestor": requestor}


def _patient(entry: Mapping[str, Any], people: _People) -> dict[str, Any]:
    return {
        "what": {"type": "Patient", **people.who(entry["patient"])},
        "type": _coding(f"{_THO}audit-entity-type", "1", "Person"),
        "role": _coding(f"{_THO}object-role", "1", "Patient"),
    }


def _consents(basis: Sequence[str]) -> list[dict[str, Any]]:
    """The consents that a decision rests on; the slice wants one, also where there was none."""
    none: dict[str, Any] = {"extension": [{"url": _ABSENT, "valueCode": "not-applicable"}], "type": "Consent"}
    found: list[dict[str, Any]] = [{"type": "Consent", "identifier": {"value": consent}} for consent in basis]
    kind = _coding("http://hl7.org/fhir/resource-types", "Consent", "Consent")
    return [{"what": what, "type": kind} for what in found or [none]]


def _record(root: str) -> dict[str, Any]:
    return {
        "what": {"identifier": {"system": "urn:ietf:rfc:3986", "value": f"ipfs://{root}"}},
        "type": _coding(f"{_THO}audit-entity-type", "2", "System Object"),
        "role": _coding(f"{_THO}object-role", "3", "Report"),
    }


def _purposes(codes: Sequence[str]) -> list[dict[str, Any]]:
    return [{"coding": [{"system": f"{_THO}v3-ActReason", "code": code}]} for code in codes]


def _coding(system: str, code: str, display: str) -> dict[str, Any]:
    return {"system": system, "code": code, "display": display}
