"""A patient's enrolment, compartments and history."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, status

from api.auth import Caller, GatewayPart, Patient
from api.cursors import Asked
from api.models import CompartmentBody, EnrolmentBody, ErasureBody
from ledger.canonical import hexed
from ledger.service import erasure, patients, reviews, views

router = APIRouter(prefix="/v1", tags=["patient"])


@router.put("/patient")
def enrol(body: EnrolmentBody, gateway: GatewayPart, caller: Caller) -> dict[str, Any]:
    """Enrol the signed-in account as a patient; again with the same keys is success.

    Tells how many records of others wait in the inbox, and how many emergencies nobody has reviewed.
    """
    tag = patients.enrol(
        gateway,
        caller,
        erasure=body.erasure,
        signature=body.signature,
        possession=body.possession,
        inbox=body.inbox.model_dump(),
    )
    state = gateway.states.need(caller)
    news = {
        "waiting": sum(record.waits for record in state.records),
        "emergencies": reviews.unreviewed_of(gateway, state),
    }
    return {"patient": gateway.did(caller), "tag": hexed(tag), **news}


@router.get("/patient")
def show(patient: Patient) -> dict[str, Any]:
    """The patient's own enrolment."""
    return {"patient": patient.did, "tag": hexed(patient.tag), "version": patient.version}


@router.get("/patient/erasure")
def show_erasure(gateway: GatewayPart, patient: Patient) -> dict[str, Any]:
    """What an erasure would destroy, and what of it stays where; nothing is changed."""
    return erasure.prospect(gateway, patient)


@router.post("/patient/erasure")
def erase(body: ErasureBody, gateway: GatewayPart, caller: Caller) -> dict[str, Any]:
    """Erase the signed-in patient. Sent again, also afterwards, it answers what became of it."""
    done = erasure.erase_once(gateway, caller, body.erasure, size=body.size, signature=body.signature)
    return {**asdict(done), "receipt": gateway.journal.receipt(done.index).to_json()}


@router.get("/compartments")
def compartments(gateway: GatewayPart, patient: Patient) -> dict[str, Any]:
    """The deposited keys of every compartment, and which epoch is current."""
    shown: dict[str, dict[str, Any]] = {}
    for row in patients.compartments(gateway, patient):
        one = shown.setdefault(
            row.compartment,
            {
                "compartment": row.compartment,
                "class": row.sealed["class"],
                "labels": row.sealed["labels"],
                "keys": [],
            },
        )
        key = {"epoch": row.epoch, "key": row.sealed["key"], "signature": row.sealed["signature"]}
        one["keys"].append(key)
        if row.current:
            one["current"] = row.epoch
    return {"compartments": list(shown.values())}


@router.put("/compartments/{compartment}", status_code=status.HTTP_204_NO_CONTENT)
def deposit(compartment: str, body: CompartmentBody, gateway: GatewayPart, patient: Patient) -> None:
    """Deposit signed keys: the first epoch becomes current, later ones wait for the one before to end."""
    patients.deposit_keys(
        gateway,
        patient,
        compartment,
        record_class=body.record_class,
        labels=body.labels,
        keys=[key.model_dump() for key in body.keys],
    )


@router.get("/history")
def history(gateway: GatewayPart, patient: Patient, page: Asked) -> dict[str, Any]:
    """Every decision about the patient's records and every release, in order."""
    found = views.disclosures(gateway, patient)
    return page.shown(gateway, patient.account, "disclosures", found, key=lambda one: one["index"])
