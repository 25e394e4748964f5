"""Access checks of many callers in one transaction: the log is synced to disk once for all of them.

Sessions are read in the transaction that sequences the entries, and the patients' versions compared there. So
a session that was ended or a consent that was stopped before it counts in every answer. What was decided
beforehand (`ledger.service.provisional`) stands if its patients are as they were; else, and where nothing
was, it is decided in the transaction. Nothing is told before all of it is on disk.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from ledger.errors import LedgerError, Undecidable
from ledger.ids import Address, Did, parse_address
from ledger.log.journal import Draft, PatientChanged
from ledger.policy.compiler import CompiledConsent
from ledger.service.batches import (
    Answered,
    Asked,
    Enough,
    Made,
    checked,
    deliberate_all,
    drafts_of,
    never,
    sequenced,
)
from ledger.service.counting import counting, stops_to_log, take_over_stops
from ledger.service.decisions import Deliberated, Question, deliberate_at
from ledger.service.gateway import Gateway, HeadFacts
from ledger.service.keptstops import WAITING
from ledger.service.participants import refuse_suspended
from ledger.service.sessions import no_session
from ledger.service.states import PatientState

_ATTEMPTS = 16

Ask = Callable[[Address], Sequence[Asked]]
"""What is asked, once it is known who asks."""
StateOf = Callable[[Address], PatientState | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beforehand:
    """What was decided while a call waited, if its caller is this account, for whoever sequences it."""

    caller: Address
    made: Sequence[Made]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What one caller asks: the hash of its token, its questions once its account is known, and when to end.

    A LedgerError that `ask` raises is the answer to the whole call.
    """

    token: bytes = field(repr=False)
    ask: Ask
    enough: Enough = never
    beforehand: Beforehand | None = None


Reply = Sequence[Answered] | Exception
"""The answers to one call, or why it has none."""

_Replied = Sequence[Made] | Exception


class _Behind(Exception):  # noqa: N818 - it is no error
    """The chain shows a stop of the patient that the log does not."""


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


def _answered(gateway: Gateway, calls: Sequence[Call], *, anew: bool = False) -> list[Reply | None]:
    """None is for a call that rests on a patient whose consent was stopped on chain: it is to come again.

    `anew`: nothing that was decided beforehand counts.
    """
    group = _Group(gateway, calls, anew=anew)
    try:
        appended = iter(gateway.journal.append_decided(group.decide))
    except Undecidable as exc:
        return [exc for _ in calls]
    except LedgerError as exc:
        if isinstance(exc, PatientChanged) and not anew:
            return _answered(gateway, calls, anew=True)
        if len(calls) == 1:
            return [exc]
        if exc.reason in ("database", WAITING):
            raise
        return [reply for call in calls for reply in _answered(gateway, [call], anew=anew)]
    for state in group.behind.values():
        take_over_stops(gateway, group.head, state)
    return [
        made
        if made is None or isinstance(made, Exception)
        else sequenced(made, drafts, islice(appended, len(drafts)))
        for made, drafts in zip(group.made, group.drafts, strict=True)
    ]


class _Group:
    """What the calls of one transaction come to."""

    def __init__(self, gateway: Gateway, calls: Sequence[Call], *, anew: bool) -> None:
        self._gateway = gateway
        self._calls = calls
        self._anew = anew
        self.made: list[_Replied | None] = []
        self.drafts: list[Sequence[Draft]] = []
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
            if not isinstance(each, Exception | Beforehand)
            for one in each
            if isinstance(one, Question)
        }
        state_of = self._gateway.states.at_once(connection, accounts)
        self.made = [self._made(call, each, state_of) for call, each in zip(self._calls, asked, strict=True)]
        self.drafts = [
            () if made is None or isinstance(made, Exception) else drafts_of(made) for made in self.made
        ]
        return [*chain.from_iterable(self.drafts)]

    def _asked(self, connection: Connection) -> list[list[Asked] | Beforehand | Exception]:
        gateway = self._gateway
        tokens = {call.token for call in self._calls}
        found = gateway.stores.access.accounts(connection, tokens, gateway.now_ms())
        return [self._questions(connection, call, found.get(call.token)) for call in self._calls]

    def _questions(
        self, connection: Connection, call: Call, account: str | None
    ) -> list[Asked] | Beforehand | Exception:
        if account is None:
            return no_session()
        if not self._anew and call.beforehand is not None and call.beforehand.caller == account:
            return call.beforehand
        try:
            caller = parse_address(account)
            refuse_suspended(self._gateway, caller, connection)
            return [checked(self._gateway, one) for one in call.ask(caller)]
        except SQLAlchemyError:
            raise
        except Exception as exc:  # whatever it is, it is this caller's alone
            return exc

    def _made(
        self, call: Call, asked: Sequence[Asked] | Beforehand | Exception, state_of: StateOf
    ) -> _Replied | None:
        if isinstance(asked, Exception):
            return asked
        if isinstance(asked, Beforehand):
            return asked.made
        try:
            return deliberate_all(asked, lambda one: self._deliberated(one, state_of), enough=call.enough)
        except _Behind:
            return None
        except SQLAlchemyError:
            raise
        except Exception as exc:  # whatever it is, it is this caller's alone
            return exc

    def _deliberated(self, question: Question, state_of: StateOf) -> Deliberated:
        state = state_of(self._gateway.account_of(question.patient))
        if state is not None and self._is_behind(state):
            raise _Behind
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
