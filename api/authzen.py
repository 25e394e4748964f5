"""AuthZEN 1.0 in our profile: a participant asks about the records of a patient; texts in, questions out.

============ ====================================================================================
subject      ``participant``, by did: the caller itself
action       ``access``, ``use``, ``disclose``, ``collect``, ``correct``
resource     ``patient``, by did, with ``properties.class``; or ``record``, by CID, with
             ``properties.patient``: CIDs are public, and were the patient looked up from the CID,
             the receipt would tell whose it is to whoever asks
context      ``purpose``: a code or a list of codes
============ ====================================================================================
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from api.models import AuthzenEntity, EvaluationBody, EvaluationsBody
from api.problems import status_of
from api.structs import Entity, Evaluation
from api.views import decision_context
from ledger.errors import Forbidden, InvalidInput, LedgerError
from ledger.ids import Address, Did
from ledger.policy.model import Outcome
from ledger.service.batches import Answered, Asked, Enough, never
from ledger.service.decisions import Question
from ledger.service.gateway import Gateway

SUBJECT, PATIENT, RECORD = "participant", "patient", "record"

ENOUGH: Mapping[str, Enough] = {
    "execute_all": never,
    "deny_on_first_deny": lambda permitted: not permitted,
    "permit_on_first_permit": lambda permitted: permitted,
}
"""After which answer a batch ends, by ``options.evaluations_semantic``."""


def question(subject: Did, body: EvaluationBody | Evaluation) -> Question:
    """What an evaluation asks, if the caller is `subject`.

    Raises:
        Forbidden: it asks for somebody else (``other_subject``).
        InvalidInput: a type, a class or a purpose that is not of our profile, or no patient of a record.
    """
    if body.subject.type != SUBJECT:
        raise InvalidInput("a subject is a participant", reason="bad_subject_type", fix="Name its did.")
    if body.subject.id != subject:
        raise Forbidden("a caller asks for itself only", reason="other_subject")
    purpose = _strings(body.context.get("purpose", []), "context.purpose")
    classes: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    if body.resource.type == PATIENT:
        patient, classes = body.resource.id, _classes(body.resource)
    elif body.resource.type == RECORD:
        patient, records = _patient_of(body.resource), (body.resource.id,)
    else:
        raise InvalidInput("a resource is a patient or a record", reason="bad_resource_type")
    return Question(
        subject=subject,
        patient=Did(patient),
        purpose=purpose,
        action=body.action.name,
        classes=classes,
        records=records,
    )


def items(
    gateway: Gateway, caller: Address, evaluations: Iterable[EvaluationBody | Evaluation | LedgerError]
) -> list[Asked]:
    """What each evaluation of a batch asks, or why it asks nothing."""
    subject = gateway.did(caller)
    return [_item(subject, one) for one in evaluations]


def evaluations(body: EvaluationsBody) -> Iterator[EvaluationBody | LedgerError]:
    """The evaluations of a batch, each with the defaults, which its keys replace whole; or what is wrong."""
    for one in body.evaluations or ():
        try:
            yield EvaluationBody.model_validate({**body.defaults, **one})
        except ValidationError as exc:
            missing = ".".join(str(step) for step in exc.errors()[0]["loc"])
            yield InvalidInput(f"{missing}: not as an evaluation has it", reason="bad_request")


def single(body: EvaluationsBody) -> EvaluationBody:
    """The only question of a batch without evaluations: its defaults.

    Raises:
        RequestValidationError: they are no whole question.
    """
    try:
        return EvaluationBody.model_validate(body.defaults)
    except ValidationError as exc:
        found = [{**item, "loc": ("body", *item["loc"])} for item in exc.errors(include_url=False)]
        raise RequestValidationError(found) from exc


def enough(options: Mapping[str, Any]) -> Enough:
    """The end of a batch, by its ``options.evaluations_semantic``.

    Raises:
        InvalidInput: no such semantic (``bad_semantic``).
    """
    named = options.get("evaluations_semantic", "execute_all")
    if not isinstance(named, str) or named not in ENOUGH:
        raise InvalidInput(f"evaluations_semantic is one of {', '.join(ENOUGH)}", reason="bad_semantic")
    return ENOUGH[named]


def answer(answered: Answered) -> dict[str, Any]:
    """A decision with all that explains it; for what could not be asked, the error as its context."""
    if isinstance(answered, LedgerError):
        error = {"status": status_of(type(answered)), "message": answered.message, "reason": answered.reason}
        return {"decision": False, "context": {"error": error}}
    return {"decision": answered.outcome is Outcome.PERMIT, "context": decision_context(answered)}


def _classes(resource: AuthzenEntity | Entity) -> tuple[str, ...]:
    return _strings(resource.properties.get("class", []), "resource.properties.class")


def _patient_of(resource: AuthzenEntity | Entity) -> str:
    patient = resource.properties.get("patient")
    if not isinstance(patient, str):
        raise InvalidInput(
            "resource.properties.patient must name the patient of a record",
            reason="no_patient_named",
            fix="Name whose record you believe it to be.",
        )
    return patient


def _strings(value: object, where: str) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if value == []:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidInput(f"{where} is a list of codes", reason="bad_request")
    return tuple(value)


def _item(subject: Did, asked: EvaluationBody | Evaluation | LedgerError) -> Asked:
    try:
        return asked if isinstance(asked, LedgerError) else question(subject, asked)
    except LedgerError as exc:
        return exc
