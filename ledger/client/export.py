"""Everything about a patient in one folder: what they hold, and what the gateway holds of them.

============================ ==================================================================
``README.txt``               what is where, in plain words
``patient.json``             the patient, their gateway, its log and its newest checkpoint
``consents/<id>/``           the document (FHIR R4 Consent), the text that was signed, the filing
``requests.json``            what providers asked the patient
``emergencies.json``         what was declared about them, and what reviews found
``people.json``              whoever is named in all of it, with what the directory vouches for
``records/<root>/``          the signed header and capsule; with contents what is in the record
``compartments.json``        the public keys that records are sealed to
``log/<index>.receipt.json`` each log entry of the patient, with the proof that it is in the log
``history.json``             decisions, releases and emergencies from those entries
``fhir/audit-events.json``   the same as a bundle of FHIR R4 AuditEvents (IHE BALP)
============================ ==================================================================

What is signed is verified before it is written; log entries are proven by their receipts.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.audit.auditevents import MAPPED, audit_event
from ledger.canonical import b64, parse_object
from ledger.client import files, wire
from ledger.client.context import Context
from ledger.client.exportfolder import ExportFolder
from ledger.client.exporttext import Counts, readme
from ledger.client.own import OwnConsent, own_consents, told_records
from ledger.client.ownlog import own_indices, proven, settled
from ledger.client.ownopening import FAULTS, content_name, open_own
from ledger.client.ports import Progress, silent
from ledger.client.publications import VerifiedRecord
from ledger.ids import Cid, did_of, parse_address, word
from ledger.log.entry import EntryKind

Names = Callable[[Iterable[str]], Mapping[str, str | None]]
"""Gives the name under which each did is known, as far as it is."""

HISTORY = MAPPED | {EntryKind.EMERGENCY_DECLARED, EntryKind.EMERGENCY_REVIEWED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What is in the folder; ``unopened`` are records whose content is not, each with the reason."""

    files: int
    consents: int
    records: int
    entries: int
    opened: int
    unopened: tuple[tuple[Cid, str], ...]


def export(
    context: Context, path: Path, names: Names, *, contents: bool = False, progress: Progress = silent
) -> Exported:
    """Write the export into `path`; what an earlier run has put there is taken up.

    Args:
        context: the patient's side.
        path: a new or empty folder, or one of the same export.
        names: who is known by which name.
        contents: also what is in the records, decrypted.
        progress: told of log entries and records, done and in all.

    Raises:
        Conflict: the folder has something else in it (``folder_taken``).
        ProofInvalid, SignatureInvalid, CommitmentMismatch, RecordCorrupt: the gateway shows as this patient's
            what nobody signed, or what is not in its log.
        GatewayUnreachable, ChainUnreachable, StoreUnavailable: run again, it goes on.
    """
    info = context.gateway.info()
    folder = ExportFolder.claimed(path, {"patient": context.did, "log": info.log_origin})
    consents, records, indices = own_consents(context), told_records(context).records, own_indices(context)
    total = len(indices) + (len(records) if contents else 0)
    entries = _entries(context, folder, indices, lambda done: progress(done, total))
    gateway = did_of(context.deployment.chain_id, parse_address(info.account))
    people = _people(context, folder, names, consents, records, entries)
    _consents(folder, consents)
    _lists(context, folder, info)
    _history(folder, entries)
    events = [
        audit_event(index, entry, gateway=gateway, names=people)
        for index, entry in entries.items()
        if entry["kind"] in MAPPED
    ]
    folder.write_json("fhir/audit-events.json", _bundle(events))
    opened, unopened = 0, []
    for number, record in enumerate(records, start=1):
        _record(folder, record)
        if contents:
            fault = _content(context, folder, record)
            opened += fault is None
            unopened += [] if fault is None else [(record.root, fault)]
            progress(len(indices) + number, total)
    counts = Counts(
        consents=len(consents), records=len(records), opened=opened, entries=len(entries), contents=contents
    )
    folder.write("README.txt", readme(context.did, info.origin, counts).encode())
    return Exported(
        files=folder.finish(),
        consents=len(consents),
        records=len(records),
        entries=len(entries),
        opened=opened,
        unopened=tuple(unopened),
    )


def _entries(
    context: Context, folder: ExportFolder, indices: Sequence[int], told: Callable[[int], None]
) -> dict[int, dict[str, Any]]:
    """The patient's entries by index, each with its receipt in the folder; those that are there stay."""
    found, notes = {}, set()
    for done, index in enumerate(indices, start=1):
        name = f"log/{index}.receipt.json"
        there = folder.taken_up(name)
        receipt = context.gateway.receipt(index) if there is None else parse_object(files.read(there))
        found[index] = proven(context, receipt, index)
        notes.add(str(receipt["checkpoint"]))
        if there is None:
            folder.write_json(name, receipt)
        told(done)
    settled(context, iter(notes))
    return found


def _consents(folder: ExportFolder, consents: Sequence[OwnConsent]) -> None:
    for one in consents:
        here = f"consents/{one.id}"
        folder.write(f"{here}/consent.json", one.document.canonical)
        folder.write(f"{here}/statement.txt", one.statement.encode() + b"\n")
        folder.write_json(f"{here}/filing.json", one.filing)
        chain = {} if one.chain is None else {"chain": _plain(one.chain)}
        stop = {} if one.stop is None else {"stop": _plain(one.stop)}
        state = {"state": one.state, "on_chain": str(one.on_chain), **chain, **stop}
        folder.write_json(f"{here}/state.json", {"consent": one.id, **state})


def _lists(context: Context, folder: ExportFolder, info: wire.GatewayInfo) -> None:
    """What the gateway alone says: nobody signs these."""
    gateway = context.gateway
    requests = [one for one in gateway.requests() if one.patient == context.did]
    emergencies = [one for one in gateway.emergencies() if one.patient == context.did]
    folder.write_json("patient.json", {"patient": context.did, "gateway": _plain(info)})
    folder.write("log/checkpoint", gateway.checkpoint().encode())
    folder.write_json("requests.json", {"requests": [_plain(one) for one in requests]})
    folder.write_json("emergencies.json", {"emergencies": [_plain(one) for one in emergencies]})
    folder.write_json("compartments.json", {"compartments": [_plain(one) for one in gateway.compartments()]})


def _history(folder: ExportFolder, entries: Mapping[int, Mapping[str, Any]]) -> None:
    lines = [{"index": index, **entry} for index, entry in entries.items() if entry["kind"] in HISTORY]
    folder.write_json("history.json", {"history": lines})


def _people(
    context: Context,
    folder: ExportFolder,
    names: Names,
    consents: Sequence[OwnConsent],
    records: Sequence[VerifiedRecord],
    entries: Mapping[int, Mapping[str, Any]],
) -> Mapping[str, str | None]:
    """Everybody who is named, with their names and, as far as the gateway has it, their profile."""
    dids = {actor for one in consents for actor in one.document.actors}
    dids |= {record.writer for record in records if not record.by_patient}
    dids |= {str(entry[who]) for entry in entries.values() for who in ("subject", "reviewer") if who in entry}
    dids -= {context.did}
    known = names(sorted(dids))
    profiles = {one.participant: one.profile for one in context.gateway.participants()}
    folder.write_json(
        "people.json",
        {
            "people": [
                {"did": did}
                | ({"name": name} if (name := known.get(did)) else {})
                | ({"profile": profile} if (profile := profiles.get(did)) else {})
                for did in sorted(dids)
            ]
        },
    )
    return known


def _record(folder: ExportFolder, record: VerifiedRecord) -> None:
    """What is public of a record beside its blocks, and the capsule that only the patient's words open."""
    here = f"records/{record.root}"
    folder.write(f"{here}/header.json", record.header.to_bytes())
    place = {"root": record.root, "compartment": word(record.compartment), "epoch": record.epoch}
    writer = {"writer": record.writer, "waiting": record.waiting, "capsule": b64(record.capsule)}
    folder.write_json(f"{here}/place.json", {**place, **writer})


def _content(context: Context, folder: ExportFolder, record: VerifiedRecord) -> str | None:
    """Open a record into the folder, unless that was done before; why it could not be, or None."""
    name = f"records/{record.root}/content/{content_name(record)}"
    if folder.taken_up(name) is not None:
        return None
    try:
        open_own(context, record, folder.place(name))
    except FAULTS as exc:
        folder.drop(name)
        return exc.reason
    return None


def _bundle(resources: Sequence[dict[str, Any]]) -> dict[str, Any]:
    entry = {"entry": [{"resource": one} for one in resources]} if resources else {}
    return {"resourceType": "Bundle", "type": "collection", **entry}


def _plain(value: object) -> dict[str, Any]:
    """A wire value without what is absent."""
    return {name: part for name, part in wire.plain(value).items() if part is not None}
