"""Decisions in a declared emergency.

A chain that is not heard of does not close the records then: what was final last counts. What opens is what
the patient sealed beforehand; all else is DENY, whatever the reason, also for an account that nobody
enrolled.
"""

from dataclasses import replace

from ledger.errors import Conflict, Undecidable
from ledger.policy.model import Decision, Outcome
from ledger.service.capsules import sealed_places
from ledger.service.gateway import Gateway, HeadFacts
from ledger.service.questions import Question
from ledger.service.states import PatientState


def head_for(gateway: Gateway, question: Question) -> tuple[HeadFacts, bool]:
    """The head to decide on, and whether it is the last final one, since the chain is not heard of."""
    try:
        return gateway.head(), False
    except Undecidable:
        final = None if question.declared is None else gateway.last_final_head()
        if final is None:
            raise
        return final, True


def require_lasting(question: Question, at: int) -> None:
    """Conflict (``emergency_over``) if a question rests on an emergency that was over at that time."""
    if question.declared is not None and question.declared.until <= at:
        raise Conflict(
            "the emergency that was declared is over",
            reason="emergency_over",
            fix="If there still is one, declare it again.",
        )


def as_sealed(
    gateway: Gateway, question: Question, state: PatientState | None, decision: Decision
) -> tuple[Decision, bool]:
    """What a decision is worth in an emergency, and whether it fell for want of capsules alone.

    Records whose keys the patient has sealed to the subject open; if none of them is, everything is closed.
    """
    if state is not None and decision.outcome is Outcome.PERMIT:
        allowed = set(decision.permitted)
        wanted = {one.place for one in state.records if one.row.root in allowed}
        if wanted & sealed_places(gateway, state.tag, decision.basis, question.subject):
            return decision, False
    closed = replace(decision, outcome=Outcome.DENY, basis=(), obligations=(), verdicts=())
    return closed, decision.outcome is Outcome.PERMIT
