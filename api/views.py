"""Answers that several routes share."""

from typing import Any

from ledger.policy.model import Outcome
from ledger.service.decisions import Decided

REASONS = {
    Outcome.PERMIT: "a consent covers this",
    Outcome.DENY: "the patient has excluded this",
    Outcome.NO_CONSENT: "no active consent covers this",
}

UNSEALED = "the patient has sealed nothing for this emergency beforehand"


def decision_context(decided: Decided) -> dict[str, Any]:
    """The context of a decision as AuthZEN carries it: nothing but what the log entry says."""
    basis = decided.decision.basis if decided.outcome is decided.decision.outcome else ()
    unsealed = decided.question.declared is not None and decided.outcome is Outcome.DENY
    refusal = {"refusal": "no_emergency_capsule", "reason": UNSEALED} if unsealed else {}
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
