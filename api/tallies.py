"""What is counted while requests are answered, as cheaply as it can be: additions to lists, without a lock.

The keys are few and known beforehand: templates of routes, methods and statuses, kinds and outcomes of
entries. Requests are counted by the event loop's thread, commits by whichever has just ended the only writing
transaction; a scrape reads both meanwhile, and may miss the newest.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from starlette.types import Scope

from ledger.log.entry import EntryKind
from ledger.log.journal import Draft

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ENTRIES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 1024.0)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"

REASONS = {"PERMIT": "consent", "DENY": "excluded", "NO_CONSENT": "no_consent"}
"""Why, for each outcome."""
UNSEALED = "no_emergency_capsule"


@dataclass(slots=True)
class Histogram:
    """How many observations fall under each bound; the last place is for those above all."""

    bounds: tuple[float, ...]
    counts: list[int] = field(init=False)
    total: float = 0.0

    def __post_init__(self) -> None:
        """No observations yet."""
        self.counts = [0] * (len(self.bounds) + 1)

    def add(self, value: float) -> None:
        """One more observation."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Requests:
    """Answers by template of the route, method and status."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str, int], Histogram] = {}

    def count(self, route: str, method: str, status: int, seconds: float) -> None:
        """One more answer."""
        key = (route, method, status)
        tally = self.found.get(key)
        if tally is None:
            tally = self.found[key] = Histogram(SECONDS)
        tally.add(seconds)


class Commits:
    """Transactions of the log: how many entries each had, of which kinds, and what was decided."""

    def __init__(self) -> None:
        self.sizes = Histogram(ENTRIES)
        self.kinds: Counter[str] = Counter()
        self.decisions: Counter[tuple[str, str]] = Counter()

    def count(self, drafts: Sequence[Draft]) -> None:
        """One more transaction."""
        self.sizes.add(len(drafts))
        for draft in drafts:
            self.kinds[draft.kind] += 1
            if draft.kind == EntryKind.DECISION:
                outcome = draft.member("outcome")
                reason = REASONS[outcome] if draft.member("unsealed") is None else UNSEALED
                self.decisions[outcome, reason] += 1


def route_of(scope: Scope) -> str:
    """The template that a request matched; ``other`` if none."""
    return getattr(scope.get("route"), "path", "") or scope.get("template", OTHER)


def method_of(scope: Scope) -> str:
    """The method; ``other`` if it is none that anything here takes."""
    method = str(scope["method"])
    return method if method in METHODS else OTHER
