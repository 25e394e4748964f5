"""The checker of concurrent histories: what it must accept and refuse, and that it agrees with trying all."""

from itertools import permutations
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.linearizability import Act, Kind, violations

GRANT, REVOKE, PERMITTED, REFUSED = Kind.GRANT, Kind.REVOKE, Kind.PERMITTED, Kind.REFUSED


def history(*acts: tuple[Kind, float, float]) -> list[Act]:
    return [Act(consent="c", kind=kind, called=called, returned=returned) for kind, called, returned in acts]


@pytest.mark.parametrize(
    "acts",
    [
        [],
        [(PERMITTED, 0, 1), (REVOKE, 2, 3), (REFUSED, 4, 5)],
        [(REVOKE, 0, 9), (PERMITTED, 1, 2), (REFUSED, 3, 4)],
        [(REVOKE, 0, 5), (PERMITTED, 1, 6)],
        [(REVOKE, 0, inf), (PERMITTED, 1, 2), (REFUSED, 3, 4)],
        [(REVOKE, 0, inf), (PERMITTED, 1, 2)],
        [(REVOKE, 0, 1), (GRANT, 0, inf), (REFUSED, 2, 3), (PERMITTED, 4, 5)],
        [(REVOKE, 0, 1), (GRANT, 1, 2), (PERMITTED, 3, 4)],
    ],
)
def test_what_some_order_explains_is_accepted(acts: list[tuple[Kind, float, float]]) -> None:
    assert violations(history(*acts)) == []


@pytest.mark.parametrize(
    "acts",
    [
        [(REVOKE, 0, 1), (PERMITTED, 2, 3)],
        [(REFUSED, 0, 1)],
        [(REFUSED, 0, 1), (REVOKE, 2, 3)],
        [(REVOKE, 0, 9), (REFUSED, 1, 2), (PERMITTED, 3, 4)],
        [(REVOKE, 0, inf), (REFUSED, 1, 2), (PERMITTED, 3, 4)],
        [(REVOKE, 0, 9), (PERMITTED, 1, 8), (REFUSED, 2, 3), (PERMITTED, 4, 5)],
        [(REVOKE, 0, 1), (GRANT, 2, 3), (REFUSED, 4, 5)],
        [(REVOKE, 0, 1), (REVOKE, 0, 9), (PERMITTED, 2, 3)],
    ],
)
def test_what_no_order_explains_is_refused(acts: list[tuple[Kind, float, float]]) -> None:
    assert violations(history(*acts)) == ["c"]


def test_each_consent_is_judged_by_its_own_acts() -> None:
    good = Act(consent="good", kind=PERMITTED, called=2, returned=3)
    bad = [
        Act(consent="bad", kind=REVOKE, called=0, returned=1),
        Act(consent="bad", kind=PERMITTED, called=2, returned=3),
    ]
    assert violations([good, *bad]) == ["bad"]


@st.composite
def acts(draw: st.DrawFn) -> list[Act]:
    found = []
    for _ in range(draw(st.integers(0, 5))):
        called = draw(st.integers(0, 8))
        length = draw(st.integers(1, 6))
        returned = inf if draw(st.integers(0, 5)) == 0 else called + length
        found.append(Act(consent="c", kind=draw(st.sampled_from(Kind)), called=called, returned=returned))
    return found


@settings(deadline=None, max_examples=300)
@given(acts())
def test_it_agrees_with_trying_every_order(found: list[Act]) -> None:
    assert (violations(found) == []) is _explained(found)


def _explained(found: list[Act]) -> bool:
    """Some order of all acts with an answer, and any of those without, that is no contradiction."""
    answered = [act for act in found if act.returned != inf]
    pending = [act for act in found if act.returned == inf]
    subsets = [
        [act for place, act in enumerate(pending) if chosen >> place & 1]
        for chosen in range(1 << len(pending))
    ]
    return any(_fits(order) for some in subsets for order in permutations(answered + some))


def _fits(order: tuple[Act, ...]) -> bool:
    in_force = True
    for place, act in enumerate(order):
        if any(later.returned < act.called for later in order[place + 1 :]):
            return False
        if act.kind in (PERMITTED, REFUSED) and in_force is not (act.kind is PERMITTED):
            return False
        in_force = in_force if act.kind in (PERMITTED, REFUSED) else act.kind is GRANT
    return True
