"""How things are timed: medians of repeated runs, with time taken from a monotonic clock."""

import statistics
import time
from collections.abc import Callable

Figures = dict[str, float]


def median_seconds(act: Callable[[], object], *, runs: int) -> float:
    """The median duration of `act` over `runs` calls, after one that does not count."""
    act()
    taken = []
    for _ in range(runs):
        started = time.perf_counter()
        act()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)
