"""Access checks of many callers in one transaction: the log is synced to disk once for all of them.

Sessions and patients' versions are read in the transaction that sequences the entries. So a session that was
ended, a participant that was suspended or a consent that was stopped before it counts in every answer, and
what is decided is never older than its place in the log. Nothing is told before all of it is on disk.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from ledger.errors import LedgerError, Undecidable
from ledger.ids import Address, Did, parse_address
from ledger.log.journal import Draft, PatientChanged
from ledger.policy.compiler import CompiledConsent
from ledger.policy.model import Outcome
from ledger.service.batches import Answered, Asked, checked
from ledger.service.decisions import (
    Deliberated,
    Question,
    counting,
    deliberate_at,
    stops_to_log,
    take_over_stops,
)
from ledger.service.gateway import Gateway, HeadFacts
from ledger.service.participants import refuse_suspended
from ledger.service.sessions import no_session
from ledger.service.states import PatientState

_ATTEMPTS = 16

StateOf = Callable[[Address], PatientState | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What one caller asks: the hash of its token, its questions once its account is known, and when to end.

    A LedgerError that `ask` raises is the answer to the whole call.
    """

    token: bytes = field(repr=False)
    ask: Callable[[Address], Sequence[Asked]]
    enough: Callable[[bool], bool] = lambda permitted: False


Reply = Sequence[Answered] | Exception
"""The answers to one call, or why it has none."""

_Made = Sequence[Deliberated | LedgerError] | Exception


def answer_all(gateway: Gateway, calls: Sequence[Call]) -> list[Reply]:
    """The reply to each call, every decision in the log. What goes wrong with one call touches no other.

    Raises:
        StoreUnavailable: the database does not answer, so there are no decisions.
    """
    replies: dict[int, Reply] = {}
    for _ in range(_ATTEMPTS):
        left = [place for place in range(len(calls)) if place not in replies]
        if not left:
            break
        found = _answered(gateway, [calls[place] for place in left])
        replies |= {place: reply for place, reply in zip(left, found, strict=True) if reply is not None}
    too_fast = PatientChanged("the acts of this patient come too fast", fix="try again")
    return [replies.get(place, too_fast) for place in range(len(calls))]


def _answered(gateway: Gateway, calls: Sequence[Call]) -> list[Reply | None]:
    """None is for a call that rests on a patient whose consent was stopped on chain: it is to come again."""
    group = _Group(gateway, calls)
    try:
        appended = iter(gateway.journal.append_decided(group.decide))
    except Undecidable as exc:
        return [exc for _ in calls]
    except LedgerError as exc:
        if len(calls) == 1:
            return [exc]
        if exc.reason == "database":
            raise
        return [reply for call in calls for reply in _answered(gateway, [call])]
    for state in group.behind.values():
        take_over_stops(gateway, group.head, state)
    return [
        made
        if made is None or isinstance(made, Exception)
        else [one if isinstance(one, LedgerError) else one.sequenced(next(appended)) for one in made]
        for made in group.made
    ]


class _Group:
    """What the calls of one transaction come to."""

    def __init__(self, gateway: Gateway, calls: Sequence[Call]) -> None:
        self._gateway = gateway
        self._calls = calls
        self.made: list[_Made | None] = []
        self.behind: dict[bytes, PatientState] = {}
        """Patients whose stops on chain must be logged first, by tag."""
        self._looked_at: set[bytes] = set()
        self._counting: dict[tuple[bytes, Did], tuple[CompiledConsent, ...]] = {}

    def decide(self, connection: Connection) -> list[Draft]:
        """The entries of all decisions, in the order of the calls."""
        self.head: HeadFacts = self._gateway.head()
        asked = self._asked(connection)
        accounts = {
            self._gateway.account_of(one.patient)
            for each in asked
            if not isinstance(each, Exception)
            for one in each
            if isinstance(one, Question)
        }
        state_of = self._gateway.states.at_once(connection, accounts)
        self.made = [
            each if isinstance(each, Exception) else self._made(call, each, state_of)
            for call, each in zip(self._calls, asked, strict=True)
        ]
        return [
            one.draft
            for made in self.made
            if made is not None and not isinstance(made, Exception)
            for one in made
            if isinstance(one, Deliberated)
        ]

    def _asked(self, connection: Connection) -> list[list[Asked] | Exception]:
        gateway = self._gateway
        tokens = {call.token for call in self._calls}
        found = gateway.stores.access.accounts(connection, tokens, gateway.now_ms())
        return [self._questions(connection, call, found.get(call.token)) for call in self._calls]

    def _questions(self, connection: Connection, call: Call, account: str | None) -> list[Asked] | Exception:
        if account is None:
            return no_session()
        try:
            caller = parse_address(account)
            refuse_suspended(self._gateway, caller, connection)
            return [checked(self._gateway, one) for one in call.ask(caller)]
        except SQLAlchemyError:
            raise
        except Exception as exc:  # whatever it is, it is this caller's alone
            return exc

    def _made(self, call: Call, asked: Sequence[Asked], state_of: StateOf) -> _Made | None:
        made: list[Deliberated | LedgerError] = []
        try:
            for one in asked:
                if isinstance(one, LedgerError):
                    made.append(one)
                else:
                    state = state_of(self._gateway.account_of(one.patient))
                    if state is not None and self._is_behind(state):
                        return None
                    made.append(self._deliberated(one, state))
                if call.enough(isinstance(made[-1], Deliberated) and made[-1].outcome is Outcome.PERMIT):
                    break
        except SQLAlchemyError:
            raise
        except Exception as exc:  # whatever it is, it is this caller's alone
            return exc
        return made

    def _deliberated(self, question: Question, state: PatientState | None) -> Deliberated:
        key = (b"" if state is None else state.tag, question.subject)
        consents = self._counting.get(key)
        if consents is None:
            consents = self._counting[key] = counting(self._gateway, question.subject, state, self.head)
        return deliberate_at(self._gateway, question, state, self.head, consents)

    def _is_behind(self, state: PatientState) -> bool:
        if state.tag not in self._looked_at:
            self._looked_at.add(state.tag)
            if stops_to_log(self._gateway, state):
                self.behind[state.tag] = state
        return state.tag in self.behind
