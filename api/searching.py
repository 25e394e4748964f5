"""AuthZEN 1.0 searches in our profile: what the caller itself may do now, and nothing about anybody else.

A search for somebody else, or by a type or id that means nothing here, finds nothing. `page.limit` bounds how
many patients one page looks into.
"""

from typing import Any

from api.authzen import PATIENT, RECORD, SUBJECT, question
from api.cursors import paged
from api.models import (
    ActionSearchBody,
    AuthzenAction,
    AuthzenEntity,
    EvaluationBody,
    ResourceSearchBody,
    SubjectSearchBody,
)
from ledger.consent.codes import ACTIONS
from ledger.errors import Forbidden, InvalidInput
from ledger.ids import Address
from ledger.service import searches
from ledger.service.decisions import Question
from ledger.service.gateway import Gateway

_NOTHING = frozenset({"bad_subject_type", "bad_resource_type", "no_patient_named", "other_subject"})


def subjects(gateway: Gateway, caller: Address, body: SubjectSearchBody) -> dict[str, Any]:
    """The caller, if it may."""
    own = AuthzenEntity(type=body.subject.type, id=gateway.did(caller))
    asked = _asked(gateway, caller, own, body.action, body.resource, body.context)
    return _found([_entity(SUBJECT, one.question.subject) for one in searches.permitted(gateway, asked)])


def actions(gateway: Gateway, caller: Address, body: ActionSearchBody) -> dict[str, Any]:
    """What the caller may do."""
    any_action = AuthzenAction(name=next(iter(ACTIONS)))
    asked = _asked(gateway, caller, body.subject, any_action, body.resource, body.context)
    return _found([{"name": name} for one in asked for name in searches.actions(gateway, one)])


def resources(gateway: Gateway, caller: Address, body: ResourceSearchBody) -> dict[str, Any]:
    """Patients, or records: of the patient that is named, else of all whose consents name the caller."""
    if body.resource.type not in (PATIENT, RECORD):
        return _found([])
    page = paged(
        gateway,
        caller,
        {"search": body.model_dump(exclude={"page"})},
        _candidates(gateway, caller, body),
        key=str,
        cursor=body.page.token,
        limit=body.page.limit,
    )
    asked = [
        one
        for patient in page.items
        for one in _asked(gateway, caller, body.subject, body.action, _whole(patient, body), body.context)
    ]
    if body.resource.type == RECORD:
        return _found([_entity(RECORD, root) for root in searches.records(gateway, asked)], page.next)
    return _found([_entity(PATIENT, did) for did in searches.patients(gateway, asked)], page.next)


def _candidates(gateway: Gateway, caller: Address, body: ResourceSearchBody) -> list[str]:
    named = body.resource.properties.get("patient") if body.resource.type == RECORD else None
    return [*searches.patients_naming(gateway, caller)] if named is None else [str(named)]


def _whole(patient: str, body: ResourceSearchBody) -> AuthzenEntity:
    return AuthzenEntity(type=PATIENT, id=patient, properties=body.resource.properties)


def _asked(
    gateway: Gateway,
    caller: Address,
    subject: AuthzenEntity,
    action: AuthzenAction,
    resource: AuthzenEntity,
    context: dict[str, Any],
) -> list[Question]:
    body = EvaluationBody(subject=subject, action=action, resource=resource, context=context)
    try:
        return [question(gateway.did(caller), body)]
    except (InvalidInput, Forbidden) as exc:
        if exc.reason in _NOTHING:
            return []
        raise


def _entity(kind: str, name: str) -> dict[str, Any]:
    return {"type": kind, "id": name}


def _found(results: list[dict[str, Any]], token: str = "") -> dict[str, Any]:
    return {"page": {"next_token": token, "count": len(results)}, "results": results}
