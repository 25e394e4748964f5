"""Whether a history of concurrent acts could have come from acts one after the other.

A history is *linearizable* if every act can be given one moment between its call and its answer, at which it
takes effect at once, so that the answers are right in the order of these moments (Herlihy and Wing, 1990).
The search is that of Wing and Gong: of the acts that nothing unplaced has ended before, try each as the next
one. What was tried is remembered as the set of placed acts with the state that they led to (Lowe).

The object here is a consent: a register that is in force or not. Consents are independent of each other, and
a history of many is linearizable if that of each is.
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from enum import Enum
from math import inf


class Kind(Enum):
    """What an act does to a consent, or saw of it."""

    GRANT = "grant"
    REVOKE = "revoke"
    PERMITTED = "permitted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One act on a consent; `returned` is infinite for one without an answer, which may have taken effect."""

    consent: Hashable
    kind: Kind
    called: float
    returned: float = inf


def violations(history: Sequence[Act], *, in_force: bool = True) -> list[Hashable]:
    """The consents whose acts have no such order; `in_force`: whether they are at the beginning."""
    by_consent: dict[Hashable, list[Act]] = defaultdict(list)
    for act in history:
        by_consent[act.consent].append(act)
    return [consent for consent, acts in by_consent.items() if not _is_linearizable(acts, in_force)]


def _is_linearizable(acts: Sequence[Act], in_force: bool) -> bool:
    """Depth first; sets of acts are integers, bit i for the i-th by the time of its call."""
    ordered = sorted(acts, key=lambda act: act.called)
    needed = sum(1 << place for place, act in enumerate(ordered) if act.returned != inf)
    tried: set[tuple[int, bool]] = set()
    waiting = [(0, in_force)]
    while waiting:
        placed, state = waiting.pop()
        if placed & needed == needed:
            return True
        if (placed, state) in tried:
            continue
        tried.add((placed, state))
        for place in _next(ordered, placed):
            after = _after(ordered[place].kind, state)
            if after is not None:
                waiting.append((placed | 1 << place, after))
    return False


def _next(ordered: Sequence[Act], placed: int) -> list[int]:
    """The acts that can come next: called before any other that is not placed had its answer."""
    found: list[int] = []
    first_end = inf
    for place, act in enumerate(ordered):
        if act.called > first_end:
            break
        if not placed >> place & 1:
            found.append(place)
            first_end = min(first_end, act.returned)
    return [place for place in found if ordered[place].called <= first_end]


def _after(kind: Kind, in_force: bool) -> bool | None:
    """The state after an act; None if it cannot have happened in this one."""
    if kind is Kind.GRANT:
        return True
    if kind is Kind.REVOKE:
        return False
    return in_force if in_force is (kind is Kind.PERMITTED) else None
