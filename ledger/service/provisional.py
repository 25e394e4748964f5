"""Decisions from memory, while the call still waits for its place in the log.

Nothing here is read from the database, so nothing here is final: the session and the patients' versions are
compared when the entries are sequenced, see `ledger.service.groups`. Where memory does not have what is
needed, nothing is decided, and the transaction does it.
"""

from contextlib import suppress
from dataclasses import dataclass, field, replace
from weakref import WeakKeyDictionary

from ledger.errors import LedgerError
from ledger.ids import Address, Did, parse_address
from ledger.policy.compiler import CompiledConsent
from ledger.service.batches import Enough, checked, deliberate_all
from ledger.service.counting import counting, stops_to_log
from ledger.service.decisions import Deliberated, Question, deliberate_at
from ledger.service.gateway import Gateway, HeadFacts
from ledger.service.groups import Ask, Beforehand, Call
from ledger.service.participants import is_suspended
from ledger.service.states import PatientState

HEAD_MS = 50
"""How long a head is taken for fresh that was found fresh."""


class _NotInMemory(Exception):  # noqa: N818 - it is no error
    """Only the database can tell."""


@dataclass(frozen=True, slots=True)
class _View:
    """The chain as it is known at one moment, and what was asked of it since."""

    changes: int
    at: int
    head: HeadFacts
    suspended: dict[Address, bool] = field(default_factory=dict)
    counting: WeakKeyDictionary[PatientState, dict[Did, tuple[CompiledConsent, ...] | None]] = field(
        default_factory=WeakKeyDictionary
    )
    """By state, which the memory of patients must be able to forget."""


class Provisional:
    """Decides beforehand; for one thread."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._view: _View | None = None

    def call(self, token: bytes, ask: Ask, enough: Enough) -> Call:
        """A call, with what can be decided of it beforehand."""
        account = self._gateway.stores.access.known(token)
        beforehand = None
        if account is not None:
            with suppress(LedgerError, _NotInMemory):  # what is wrong with it, the transaction finds as well
                beforehand = self._decided(parse_address(account), ask, enough)
        return Call(token=token, ask=ask, enough=enough, beforehand=beforehand)

    def _decided(self, caller: Address, ask: Ask, enough: Enough) -> Beforehand:
        now = self._gateway.now_ms()
        view = self._current(now)
        if caller not in view.suspended:
            view.suspended[caller] = is_suspended(self._gateway, caller)
        if view.suspended[caller]:
            raise _NotInMemory
        asked = [checked(self._gateway, one) for one in ask(caller)]
        made = deliberate_all(asked, lambda one: self._deliberated(view, one, now), enough=enough)
        return Beforehand(caller=caller, made=made)

    def _deliberated(self, view: _View, question: Question, now: int) -> Deliberated:
        state = self._gateway.states.known(self._gateway.account_of(question.patient))
        if state is None:
            raise _NotInMemory
        counted = view.counting.setdefault(state, {})
        if question.subject not in counted:
            behind = stops_to_log(self._gateway, state)
            found = counting(self._gateway, question.subject, state, view.head)
            counted[question.subject] = None if behind else found
        consents = counted[question.subject]
        if consents is None:
            raise _NotInMemory
        return deliberate_at(self._gateway, question, state, view.head, consents, now=now)

    def _current(self, now: int) -> _View:
        """The chain as it is known now. Undecidable if it has not been heard of for too long."""
        changes = self._gateway.follower.index.changes
        view = self._view
        if view is None or view.changes != changes:
            view = self._view = _View(changes, now, self._gateway.head())
        elif not view.at <= now < view.at + HEAD_MS:
            head = self._gateway.head()
            view = self._view = replace(view, at=now) if head == view.head else _View(changes, now, head)
        return view
