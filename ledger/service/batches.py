"""Several decisions at once, in the log together before any of them is told.

What is asked about single records of one patient, by one subject for one action and purpose, is decided
together and has one entry, which says the outcome for each record.
"""

from collections.abc import Callable, Iterable, Sequence

from ledger.errors import CallerError, LedgerError, Refusal
from ledger.ids import Address, Did
from ledger.log.journal import Appended, Draft, PatientChanged
from ledger.policy.model import Outcome
from ledger.service.decisions import Decided, Deliberated, Question, check, deliberate, share
from ledger.service.gateway import Gateway
from ledger.service.states import PatientState

Asked = Question | LedgerError
"""A question, or why there is none: it stays in its place among the answers."""
Made = Deliberated | LedgerError
Answered = Decided | LedgerError
Enough = Callable[[bool], bool]
"""Whether a batch ends with an answer that permits, or does not."""

_ATTEMPTS = 16

_Alike = tuple[Did, Did, str, tuple[str, ...]]


def never(_permitted: bool) -> bool:
    """The end of a batch of which everything is answered."""
    return False


def decide_all(gateway: Gateway, asked: Sequence[Asked], *, enough: Enough = never) -> list[Answered]:
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


def deliberate_all(
    asked: Sequence[Asked], decide: Callable[[Question], Deliberated], *, enough: Enough = never
) -> list[Made]:
    """What `decide` says to each question, up to and with the first of which `enough` says so."""
    made = _made(asked, decide)
    if enough is never:
        return made
    for count, one in enumerate(made, 1):
        if count < len(made) and enough(_permits(one)):
            return _made(asked[:count], decide)  # once more, so that no entry says what nobody is told
    return made


def drafts_of(made: Sequence[Made]) -> list[Draft]:
    """The entries to append: one for all answers that share it."""
    if len(made) == 1:
        return [one.draft for one in made if isinstance(one, Deliberated)]
    return list({id(one.draft): one.draft for one in made if isinstance(one, Deliberated)}.values())


def sequenced(made: Sequence[Made], drafts: Sequence[Draft], appended: Iterable[Appended]) -> list[Answered]:
    """The answers, now that their `drafts_of` are appended, in the same order."""
    entries = dict(zip(map(id, drafts), appended, strict=False))
    return [one if isinstance(one, LedgerError) else one.sequenced(entries[id(one.draft)]) for one in made]


def _made(asked: Sequence[Asked], decide: Callable[[Question], Deliberated]) -> list[Made]:
    if len(asked) == 1:
        return [one if isinstance(one, LedgerError) else decide(one) for one in asked]
    kinds = [_alike(one) for one in asked]
    together: dict[_Alike, set[str]] = {}
    for one, alike in zip(asked, kinds, strict=True):
        if alike is not None and isinstance(one, Question):
            together.setdefault(alike, set()).add(one.records[0])
    whole: dict[_Alike, Deliberated] = {}
    made: list[Made] = []
    for one, alike in zip(asked, kinds, strict=True):
        if isinstance(one, LedgerError):
            made.append(one)
        elif alike is None:
            made.append(decide(one))
        else:
            records = together[alike]
            if alike not in whole:
                whole[alike] = decide(one if len(records) == 1 else _several(one, records))
            made.append(whole[alike] if len(records) == 1 else share(whole[alike], one))
    return made


def _alike(one: Asked) -> _Alike | None:
    """What is common to questions that are decided together; None for what is decided by itself."""
    if isinstance(one, LedgerError) or len(one.records) != 1 or one.declared is not None:
        return None
    return one.subject, one.patient, one.action, one.purpose


def _several(question: Question, records: set[str]) -> Question:
    return Question(
        subject=question.subject,
        patient=question.patient,
        purpose=question.purpose,
        action=question.action,
        records=tuple(sorted(records)),
        several=True,
    )


def _decide_all(gateway: Gateway, asked: Sequence[Asked], enough: Enough) -> list[Answered]:
    states: dict[Address, PatientState | None] = {}

    def decide(question: Question) -> Deliberated:
        account = gateway.account_of(question.patient)
        if account not in states:
            states[account] = gateway.states.find(account)
        return deliberate(gateway, question, states[account])

    made = deliberate_all(asked, decide, enough=enough)
    drafts = drafts_of(made)
    return sequenced(made, drafts, gateway.journal.append_many(drafts) if drafts else ())


def _permits(made: Made) -> bool:
    return isinstance(made, Deliberated) and made.outcome is Outcome.PERMIT
