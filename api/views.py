"""Answers that several routes share."""

from typing import Any

from ledger.policy.model import Outcome
from ledger.service.decisions import Decided
from ledger.store.departures import Leaving

REASONS = {
    Outcome.PERMIT: "a consent covers this",
    Outcome.DENY: "the patient has excluded this",
    Outcome.NO_CONSENT: "no active consent covers this",
}

UNSEALED = "the patient has sealed nothing for this emergency beforehand"


MOVED = "the patient has moved to another gateway, which your list of consents names"


def decision_context(decided: Decided) -> dict[str, Any]:
    """The context of a decision as AuthZEN carries it: nothing but what the log entry says."""
    basis = decided.decision.basis if decided.outcome is decided.decision.outcome else ()
    unsealed = decided.question.declared is not None and decided.outcome is Outcome.DENY
    refusal = {"refusal": "no_emergency_capsule", "reason": UNSEALED} if unsealed else {}
    if _has_moved(decided):
        refusal = {"refusal": "patient_moved", "reason": MOVED}
    return {
        "evaluation": decided.evaluation,
        "outcome": str(decided.outcome),
        "reason": REASONS[decided.outcome],
        "permitted": sorted(decided.decision.permitted),
        "basis": sorted(basis),
        "obligations": [
            {
                "id": obligation.id,
                "type": obligation.type,
                "properties": {
                    "code": obligation.code,
                    "text": obligation.text,
                    "records": list(obligation.records),
                },
            }
            for obligation in decided.decision.obligations
        ],
        "head": decided.head.as_json(),
        "time": decided.at,
        "policy": decided.decision.policy,
        "log": {"index": decided.appended.index},
        **({"stale": True} if decided.stale else {}),
        **refusal,
    }


def _has_moved(decided: Decided) -> bool:
    """Whether somebody is refused because the patient moved, whom a consent that ended so has named."""
    state = decided.state
    if state is None or state.departed is not Leaving.MOVED or decided.outcome is Outcome.PERMIT:
        return False
    return any(decided.question.subject in one.document.actors for one in state.consents)
