"""Access checks in the form of the AuthZEN Authorization API 1.0. A refusal is always 200."""

from typing import Any

from fastapi import APIRouter

from api import authzen, searching
from api.auth import Caller, GatewayPart
from api.models import (
    ActionSearchBody,
    EvaluationBody,
    EvaluationsBody,
    ResourceSearchBody,
    SubjectSearchBody,
)
from ledger.service import batches, decisions

router = APIRouter(tags=["access"])
BASE = "/access/v1"


@router.get("/.well-known/authzen-configuration")
def configuration(gateway: GatewayPart) -> dict[str, Any]:
    """Where this policy decision point answers: at the configured URL, whatever host a caller names."""
    base = gateway.settings.origin
    return {
        "policy_decision_point": base,
        "access_evaluation_endpoint": f"{base}{BASE}/evaluation",
        "access_evaluations_endpoint": f"{base}{BASE}/evaluations",
        "search_subject_endpoint": f"{base}{BASE}/search/subject",
        "search_resource_endpoint": f"{base}{BASE}/search/resource",
        "search_action_endpoint": f"{base}{BASE}/search/action",
    }


@router.post(f"{BASE}/evaluation")
def evaluation(body: EvaluationBody, gateway: GatewayPart, caller: Caller) -> dict[str, Any]:
    """May the caller do this with these records? In the log before the answer."""
    asked = authzen.question(gateway.did(caller), body)
    return authzen.answer(decisions.decide_and_log(gateway, asked))


@router.post(f"{BASE}/evaluations")
def evaluations(body: EvaluationsBody, gateway: GatewayPart, caller: Caller) -> dict[str, Any]:
    """Several evaluations, in the log together before the answer; without any, as a single one."""
    enough = authzen.enough(body.options)
    if not body.evaluations:
        return evaluation(authzen.single(body), gateway, caller)
    asked = authzen.items(gateway, caller, authzen.evaluations(body))
    answered = batches.decide_all(gateway, asked, enough=enough)
    return {"evaluations": [authzen.answer(one) for one in answered]}


@router.post(f"{BASE}/search/subject")
def search_subjects(body: SubjectSearchBody, gateway: GatewayPart, caller: Caller) -> dict[str, Any]:
    """Who may: the caller or nobody, for it asks for itself only."""
    return searching.subjects(gateway, caller, body)


@router.post(f"{BASE}/search/resource")
def search_resources(body: ResourceSearchBody, gateway: GatewayPart, caller: Caller) -> dict[str, Any]:
    """With what the caller may: patients whose consents name it, or records."""
    return searching.resources(gateway, caller, body)


@router.post(f"{BASE}/search/action")
def search_actions(body: ActionSearchBody, gateway: GatewayPart, caller: Caller) -> dict[str, Any]:
    """What the caller may do with these records; every action is a decision of its own in the log."""
    return searching.actions(gateway, caller, body)
