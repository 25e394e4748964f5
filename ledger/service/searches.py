"""What a caller could have: searches that ask for the caller alone, and log every decision that they rest on.

Whatever is not there, not the caller's or not known gives nothing, and all of that looks alike. A patient is
found only by a consent that names the caller, which the caller may list anyway.
"""

from collections.abc import Sequence
from dataclasses import replace

from ledger.consent import codes
from ledger.errors import InvalidInput, LedgerError
from ledger.ids import Address, Did
from ledger.policy.model import Outcome
from ledger.service.batches import decide_all
from ledger.service.decisions import Decided, Question, check
from ledger.service.gateway import Gateway

_NOTHING = frozenset({"bad_did", "bad_address", "bad_cid", "other_chain", "unknown_action", "unknown_class"})
"""Names of nothing that exists: a search for them finds nothing, where a check refuses the question."""


def permitted(gateway: Gateway, questions: Sequence[Question]) -> list[Decided]:
    """The decisions that permit, each in the log, of questions that name something.

    Raises:
        InvalidInput, UnknownCode: a purpose is missing or unknown.
        Undecidable, StoreUnavailable: see `decide_all`.
    """
    named = [question for question in questions if _names_something(gateway, question)]
    answered = decide_all(gateway, named)
    return [one for one in answered if not isinstance(one, LedgerError) and one.outcome is Outcome.PERMIT]


def actions(gateway: Gateway, question: Question) -> list[str]:
    """The actions that the subject may take, whatever action the question names."""
    asked = [replace(question, action=action) for action in sorted(codes.ACTIONS)]
    return sorted(one.question.action for one in permitted(gateway, asked))


def records(gateway: Gateway, questions: Sequence[Question]) -> list[str]:
    """The roots of all records that any of the questions opens."""
    return sorted({root for one in permitted(gateway, questions) for root in one.decision.permitted})


def patients(gateway: Gateway, questions: Sequence[Question]) -> list[Did]:
    """The patients that the questions are about and of whose records something may be had."""
    return sorted({one.question.patient for one in permitted(gateway, questions)})


def patients_naming(gateway: Gateway, caller: Address) -> list[Did]:
    """The patients of all consents that name the caller."""
    with gateway.db.read() as connection:
        rows = gateway.stores.consents.naming(connection, gateway.look_up(caller))
    states = (gateway.states.tagged(tag) for tag in dict.fromkeys(row.tag for row in rows))
    return sorted(state.did for state in states if state is not None)


def _names_something(gateway: Gateway, question: Question) -> bool:
    try:
        check(gateway, question)
    except InvalidInput as exc:
        if exc.reason in _NOTHING:
            return False
        raise
    return True
