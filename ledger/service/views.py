"""How consents, requests and the patient's history are shown, by whom they concern."""

from collections.abc import Mapping
from typing import Any

from ledger.consent.document import ConsentDocument, parse_document
from ledger.consent.moments import instant
from ledger.errors import NotFound
from ledger.ids import Address, ConsentId, RequestId
from ledger.log.entry import EntryKind, decode
from ledger.log.journal import OpenedEntry
from ledger.policy.preview import Effect, effects
from ledger.records.header import RecordHeader
from ledger.service.counting import standing
from ledger.service.gateway import Gateway
from ledger.service.participants import is_suspended
from ledger.service.requests import inbox, outbox, state_of
from ledger.service.states import PatientState
from ledger.service.succession import predecessors
from ledger.store.consents import ConsentRow
from ledger.store.departures import DepartureRow, Leaving
from ledger.store.requests import RequestRow


def consents_of_patient(gateway: Gateway, state: PatientState) -> list[dict[str, Any]]:
    """A patient's consents, with everything that was filed."""
    with gateway.db.read() as connection:
        rows = gateway.stores.consents.of_patient(connection, state.tag)
    return [{**_consent(gateway, row), "filing": row.sealed["filing"]} for row in rows]


def consents_naming(gateway: Gateway, account: Address) -> list[dict[str, Any]]:
    """The consents that name a participant: document and statement, without salt and signatures.

    None for one that is suspended.
    """
    if is_suspended(gateway, account):
        return []
    with gateway.db.read() as connection:
        rows = gateway.stores.consents.naming(connection, gateway.look_up(account))
    with gateway.db.read() as connection:
        left = {row.tag: gateway.stores.departures.find(connection, row.tag) for row in rows}
    return [
        {
            **_consent(gateway, row),
            **_moved(row, left[row.tag]),
            "document": row.sealed["filing"]["document"],
            "statement": row.sealed["filing"]["statement"],
        }
        for row in rows
    ]


def _moved(row: ConsentRow, left: DepartureRow | None) -> dict[str, str]:
    """Where the patient went on with a consent that ended here because they moved."""
    if left is None or left.kind is not Leaving.MOVED or row.stopped != left.entry:
        return {}
    return {"moved": left.sealed["url"]}


def consent_for(gateway: Gateway, account: Address, consent: ConsentId) -> dict[str, Any]:
    """One consent as its patient or a participant that it names may see it; NotFound for everybody else."""
    state = gateway.states.find(account)
    mine = [] if state is None else consents_of_patient(gateway, state)
    for shown in [*mine, *consents_naming(gateway, account)]:
        if shown["consent"] == consent:
            return shown
    raise NotFound("no such consent", fix="`consent list` shows yours.")


def requests_for(gateway: Gateway, account: Address) -> list[dict[str, Any]]:
    """What was asked of this account as a patient, and what it asked as a provider."""
    state = gateway.states.find(account)
    received = [] if state is None else inbox(gateway, state)
    sent = [] if is_suspended(gateway, account) else outbox(gateway, account)
    rows = {row.request: row for row in [*received, *sent]}
    return [_request(gateway, row) for row in rows.values()]


def request_for(gateway: Gateway, account: Address, request: RequestId) -> dict[str, Any]:
    """One request, by either side; NotFound for everybody else."""
    for shown in requests_for(gateway, account):
        if shown["request"] == request:
            return shown
    raise NotFound("no such request", fix="`consent request list` shows yours.")


def disclosures(gateway: Gateway, state: PatientState) -> list[dict[str, Any]]:
    """The patient's history, from the log: decisions about their records, releases, and emergencies."""
    shown = []
    known = {one.row.root: one.header.record_class for one in state.records}
    for opened in _entries(gateway, state):
        if opened.entry is None:
            continue
        entry = decode(opened.entry)
        if entry["kind"] == EntryKind.DECISION:
            more: dict[str, Any] = {"classes": _classes(entry["resource"], known)}
            shown.append(_disclosure(opened.index, {**entry, **more}, entry["permitted"], entry["outcome"]))
        elif entry["kind"] == EntryKind.RELEASE:
            asked = entry["request"]
            more = {"purpose": asked["purpose"], "action": asked["action"]}
            more["classes"] = sorted({known[root] for root in entry["records"] if root in known})
            shown.append(_disclosure(opened.index, {**entry, **more}, entry["records"], "PERMIT"))
        elif entry["kind"] == EntryKind.EMERGENCY_DECLARED:
            more = {"purpose": [entry["declaration"]["purpose"]], "action": "declare"}
            shown.append(_disclosure(opened.index, {**entry, **more}, [], ""))
        elif entry["kind"] == EntryKind.EMERGENCY_REVIEWED:
            more = {"subject": entry["reviewer"], "purpose": [], "action": "review"}
            shown.append(_disclosure(opened.index, {**entry, **more}, [], entry["finding"]))
    return shown


def _entries(gateway: Gateway, state: PatientState) -> list[OpenedEntry]:
    """The entries of a patient, and of the accounts for which they go on."""
    tags = [state.tag, *(row.tag for row in predecessors(gateway, state.account))]
    found = [entry for tag in tags for entry in gateway.journal.entries(tag=tag)]
    return sorted(found, key=lambda entry: entry.index)


def preview_of(gateway: Gateway, state: PatientState, document: ConsentDocument) -> list[Effect]:
    """Who could read which records now, and who could with `document`."""
    return effects(document, standing(gateway, state), state.index, gateway.clock())


def _disclosure(index: int, entry: dict[str, Any], records: list[str], outcome: str) -> dict[str, Any]:
    return {
        "index": index,
        "time": entry["time"],
        "kind": entry["kind"],
        "subject": entry["subject"],
        "purpose": entry["purpose"],
        "action": entry["action"],
        "outcome": outcome,
        "records": records,
        "basis": entry.get("basis", []),
        "classes": entry.get("classes", []),
    }


def _classes(resource: dict[str, Any], known: Mapping[str, str]) -> list[str]:
    """The classes of records that were asked about; none where all were meant."""
    if resource["type"] == "publication":
        return [RecordHeader.from_bytes(resource["header"].encode()).record_class]
    if resource["type"] == "record":
        return sorted({known[root] for root in resource["ids"] if root in known})
    return list(resource["classes"])


def _consent(gateway: Gateway, row: ConsentRow) -> dict[str, Any]:
    document = parse_document(row.sealed["filing"]["document"].encode())
    shown: dict[str, Any] = {
        "consent": row.consent,
        "state": _state(gateway, row, document),
        "index": row.entry,
        "filed": row.sealed["filed"],
        "chain": _chain(gateway, row.consent, "recording"),
    }
    stop = _chain(gateway, row.consent, "revocation")
    if row.stopped is not None:
        shown["stop"] = {"index": row.stopped, **stop}
    return shown


def _state(gateway: Gateway, row: ConsentRow, document: ConsentDocument) -> str:
    head = gateway.last_head()
    ended = gateway.follower.index.ended_number(ConsentId(row.consent))
    if row.stopped is not None or ended is not None:
        return "stopped"
    period = document.root.period
    if period is not None and period.span.end <= instant(gateway.clock()):
        return "expired"
    active = head is not None and gateway.follower.index.is_active(
        ConsentId(row.consent), head.number, head.time
    )
    return "active" if active else "pending"


def _chain(gateway: Gateway, consent: str, kind: str) -> dict[str, Any]:
    """Signed → submitted → seen → final for a recording, accepted → seen → final for a stop."""
    status = gateway.relayer.status(consent, kind=kind)
    if status is None:
        return {"state": "accepted" if kind == "revocation" else "signed"}
    shown: dict[str, Any] = {"state": status.state}
    for name in ("transaction", "block", "gas_used"):
        value = getattr(status, name)
        if value is not None:
            shown[name] = value
    return shown


def _request(gateway: Gateway, row: RequestRow) -> dict[str, Any]:
    return {"request": row.request, "state": state_of(row, gateway.now_ms()), **row.sealed}
