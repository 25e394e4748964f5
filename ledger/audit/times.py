"""TIME: times never fall, heads are real and fresh, and anchors come in time."""

from collections.abc import Sequence

from msgspec import UNSET

from ledger.audit.ground import Ground
from ledger.audit.heads import Heads, HeadView, Standing
from ledger.audit.report import Step
from ledger.audit.shapes import AnyEntry, Decision, Head, Release
from ledger.chain.events import Anchored

_STEP = Step.TIME
DEFAULT_AGE = 60
_BEYOND = (Standing.DROPPED, Standing.NEWER, Standing.UNSEEN)


class Times:
    """The step, entry by entry."""

    def __init__(self, ground: Ground, heads: Heads, anchors: Sequence[Anchored]) -> None:
        self._ground = ground
        self._tally = ground.tally
        self._heads = heads
        self._anchors = [(anchor.new_size, self._timestamp(anchor)) for anchor in anchors]
        self._next = 0
        self._overdue_said = -1
        self._last = 0
        self.max_head_age = DEFAULT_AGE

    def check(self, index: int, entry: AnyEntry) -> HeadView | None:
        """All about one entry's times; what to think of its head, if it has one."""
        self._tally.checked(_STEP)
        self._check_order(index, entry.time)
        self._check_anchor(index, entry.time)
        if isinstance(entry, Decision):
            self._check_moment(index, entry)
        head = entry.head
        if head is UNSET:
            self._tally.require(
                not isinstance(entry, Decision | Release),
                _STEP,
                index,
                expected="the head that was decided on",
                found="none",
                meaning="Nobody can tell on which state of the chain this rests.",
            )
            return None
        if isinstance(entry, Decision | Release) and not entry.stale:  # what is: see `Emergencies.missing`
            self._check_fresh(index, head, entry.time)
        return self._check_head(index, head, entry.time)

    def _check_order(self, index: int, time: int) -> None:
        latest = self._ground.now + self._ground.limits.ahead_seconds * 1000
        self._tally.require(
            self._last <= time <= latest,
            _STEP,
            index,
            expected=f"a time from {self._last} to now",
            found=str(time),
            meaning="The entry was dated back, or lies in the future.",
        )
        self._last = max(self._last, min(time, latest))

    def _check_moment(self, index: int, decision: Decision) -> None:
        earliest = decision.time - (self.max_head_age + self._ground.limits.slack_seconds) * 1000
        self._tally.require(
            earliest <= decision.at <= decision.time,
            _STEP,
            index,
            expected=f"a decision made by {decision.time}, and not long before",
            found=str(decision.at),
            meaning="It was decided as of another time than it was logged at.",
        )

    def _check_fresh(self, index: int, head: Head, time: int) -> None:
        age = time // 1000 - head.time
        self._tally.require(
            age <= self.max_head_age + self._ground.limits.slack_seconds,
            _STEP,
            index,
            expected=f"a head at most {self.max_head_age} seconds old",
            found=f"{age} seconds",
            meaning="The gateway decided on an old state of the chain and may have missed a stop.",
        )

    def _check_head(self, index: int, head: Head, time: int) -> HeadView:
        view = self._heads.view(head, time)
        if view.standing in _BEYOND:
            self._tally.could_not(_STEP, f"the head is {view.standing.value}")
        self._tally.require(
            view.standing is not Standing.FALSE,
            _STEP,
            index,
            expected=f"block {head.number} with hash {head.hash} and time {head.time}",
            found=view.why,
            meaning="The chain never had, or can hardly have had, the block that the entry names.",
        )
        return view

    def _check_anchor(self, index: int, time: int) -> None:
        """Only the oldest entry under each anchor can be late; every entry must be older than its anchor."""
        while self._next < len(self._anchors) and self._anchors[self._next][0] <= index:
            self._next += 1
        covered = self._next < len(self._anchors)
        until = self._anchors[self._next][1] if covered else self._ground.now // 1000
        limits = self._ground.limits
        late = until - time // 1000 > limits.anchor_seconds and self._overdue_said != self._next
        if late:
            self._overdue_said = self._next
        self._tally.require(
            not late,
            _STEP,
            index,
            expected=f"an anchor within {limits.anchor_seconds} seconds",
            found=f"{'one' if covered else 'none'} after {until - time // 1000} seconds",
            meaning="Until it is anchored, an entry can be replaced without a trace on chain.",
        )
        self._tally.require(
            not covered or time // 1000 <= until + limits.ahead_seconds,
            _STEP,
            index,
            expected=f"a time before its anchor, {until}",
            found=str(time // 1000),
            meaning="The entry claims to be younger than the anchor that covers it.",
        )

    def _timestamp(self, anchor: Anchored) -> int:
        header = self._ground.chain.header(anchor.number)
        return self._ground.now // 1000 if header is None else header.timestamp
