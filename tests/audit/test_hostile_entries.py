"""No entry, however bent, makes the auditor stumble: it passes or is a finding, and the rest is read."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.audit import Step
from tests.audit.acts import did, root
from tests.audit.story import story
from tests.audit.world import World

CLEAN = story()
SCALARS = st.one_of(
    st.booleans(),
    st.integers(min_value=-(2**53) + 1, max_value=2**53 - 1),
    st.text(max_size=8),
    st.sampled_from(
        [
            "",
            "0x",
            "0x" + "0" * 64,
            "0x" + "f" * 130,
            "{}",
            "[]",
            did("ann"),
            did("clinic"),
            did("ann").replace("31337", "999999999999999999"),
            root("labs"),
            "TREAT",
            "BTG",
            "2026-13-45",
        ]
    ),
)
VALUES = st.one_of(
    SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(st.text("abc", max_size=2), SCALARS)
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401
    """Where something can be replaced in an entry."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [found for key, item in inside for found in places(item, (*path, key))]


def bent(world: World, index: int, path: tuple[Any, ...], value: object) -> World:
    holder = world.lines[index].entry
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return world


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(choice=st.data(), value=VALUES)
def test_any_value_anywhere_in_any_entry(choice: st.DataObject, value: object) -> None:
    index = choice.draw(st.integers(min_value=0, max_value=len(CLEAN.lines) - 1))
    path = choice.draw(st.sampled_from(places(CLEAN.lines[index].entry)))
    report = bent(CLEAN.copy(), index, path, value).audit()
    assert report.ok is not bool(report.findings)
    assert report.result(Step.TREE).ok
    assert report.result(Step.ENTRY).checked == len(CLEAN.lines)
