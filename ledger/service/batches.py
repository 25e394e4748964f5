"""Several decisions at once, in the log together before any of them is told."""

from collections.abc import Callable, Sequence

from ledger.errors import CallerError, LedgerError, Refusal
from ledger.ids import Address
from ledger.log.journal import PatientChanged
from ledger.policy.model import Outcome
from ledger.service.decisions import Decided, Deliberated, Question, check, deliberate
from ledger.service.gateway import Gateway
from ledger.service.states import PatientState

Asked = Question | LedgerError
"""A question, or why there is none: it stays in its place among the answers."""
Answered = Decided | LedgerError

_ATTEMPTS = 16


def decide_all(
    gateway: Gateway, asked: Sequence[Asked], *, enough: Callable[[bool], bool] = lambda permitted: False
) -> list[Answered]:
    """The decisions on `asked` in order, up to and with the first of which `enough` says so; one append.

    What no rule could answer takes its place as the error (CallerError, Refusal) and counts as not permitted.

    Raises:
        Undecidable: the chain has not been heard of for too long; nothing is logged.
        StoreUnavailable: the entries could not be written, so there are no decisions.
        PatientChanged: sixteen times in a row.
    """
    sound = [checked(gateway, one) for one in asked]
    for _ in range(_ATTEMPTS - 1):
        try:
            return _decide_all(gateway, sound, enough)
        except PatientChanged:
            continue
    return _decide_all(gateway, sound, enough)


def checked(gateway: Gateway, asked: Asked) -> Asked:
    """The question, or why no rule could answer it."""
    if isinstance(asked, LedgerError):
        return asked
    try:
        check(gateway, asked)
    except (CallerError, Refusal) as exc:
        return exc
    return asked


def _decide_all(gateway: Gateway, asked: Sequence[Asked], enough: Callable[[bool], bool]) -> list[Answered]:
    states: dict[Address, PatientState | None] = {}
    made: list[Deliberated | LedgerError] = []
    for one in asked:
        made.append(one if isinstance(one, LedgerError) else _deliberated(gateway, one, states))
        if enough(_permits(made[-1])):
            break
    drafts = [one.draft for one in made if isinstance(one, Deliberated)]
    appended = iter(gateway.journal.append_many(drafts) if drafts else ())
    return [one if isinstance(one, LedgerError) else one.sequenced(next(appended)) for one in made]


def _deliberated(
    gateway: Gateway, question: Question, states: dict[Address, PatientState | None]
) -> Deliberated:
    account = gateway.account_of(question.patient)
    if account not in states:
        states[account] = gateway.states.find(account)
    return deliberate(gateway, question, states[account])


def _permits(made: Deliberated | LedgerError) -> bool:
    return isinstance(made, Deliberated) and made.outcome is Outcome.PERMIT
