"""Access checks in the form of the AuthZEN Authorization API 1.0. A refusal is always 200.

A record is asked for together with its patient. CIDs are public: were the patient looked up from the CID, the
receipt would tell whose it is to whoever asks.
"""

from typing import Any

from fastapi import APIRouter

from api.auth import Caller, GatewayPart
from api.models import EvaluationBody
from api.views import decision_context
from ledger.errors import Forbidden, InvalidInput
from ledger.ids import Did
from ledger.policy.model import Outcome
from ledger.service import decisions

router = APIRouter(tags=["access"])


@router.get("/.well-known/authzen-configuration")
def configuration(gateway: GatewayPart) -> dict[str, Any]:
    """Where this policy decision point answers: at the configured URL, whatever host a caller names."""
    base = gateway.settings.origin
    return {"policy_decision_point": base, "access_evaluation_endpoint": f"{base}/access/v1/evaluation"}


@router.post("/access/v1/evaluation")
def evaluation(body: EvaluationBody, gateway: GatewayPart, caller: Caller) -> dict[str, Any]:
    """May the caller do this with these records? In the log before the answer."""
    if body.subject.id != gateway.did(caller):
        raise Forbidden("a caller asks for itself only", reason="other_subject")
    decided = decisions.decide_and_log(gateway, _question(body))
    return {"decision": decided.outcome is Outcome.PERMIT, "context": decision_context(decided)}


def _question(body: EvaluationBody) -> decisions.Question:
    purpose = _strings(body.context.get("purpose", []), "context.purpose")
    subject = Did(body.subject.id)
    action = body.action.name
    if body.resource.type == "patient":
        classes = _strings(body.resource.properties.get("class", []), "resource.properties.class")
        return decisions.Question(
            subject=subject, patient=Did(body.resource.id), purpose=purpose, action=action, classes=classes
        )
    if body.resource.type == "record":
        patient = body.resource.properties.get("patient")
        if not isinstance(patient, str):
            raise InvalidInput(
                "resource.properties.patient must name the patient of a record",
                reason="no_patient_named",
                fix="Name whose record you believe it to be.",
            )
        return decisions.Question(
            subject=subject,
            patient=Did(patient),
            purpose=purpose,
            action=action,
            records=(body.resource.id,),
        )
    raise InvalidInput("a resource is a patient or a record", reason="bad_resource_type")


def _strings(value: object, where: str) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidInput(f"{where} is a list of codes", reason="bad_request")
    return tuple(value)
