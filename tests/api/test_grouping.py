"""Groups of what waits: none waits for another to come, none is lost, none suffers for another."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from api.grouping import Groups


class Work:
    """Doubles numbers, in groups that it remembers; the first group lasts until it is let go."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.begun = threading.Event()
        self.go = threading.Event()

    def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.groups.append(list(numbers))
        self.begun.set()
        assert self.go.wait(60)
        if 13 in numbers:
            raise ValueError("unlucky")
        return [2 * number for number in numbers]


async def begun(work: Work) -> None:
    assert await asyncio.to_thread(work.begun.wait, 60)


def test_what_comes_while_a_group_is_at_work_is_the_next_group() -> None:
    work = Work()

    async def scenario() -> list[int]:
        groups = Groups(work, most=3)
        first = asyncio.create_task(groups.result(0))
        await begun(work)
        rest = [asyncio.create_task(groups.result(number)) for number in range(1, 6)]
        await asyncio.sleep(0)
        work.go.set()
        return await asyncio.gather(first, *rest)

    assert asyncio.run(scenario()) == [0, 2, 4, 6, 8, 10]
    assert work.groups == [[0], [1, 2, 3], [4, 5]]


def test_what_fails_fails_for_its_group_and_for_no_later_one() -> None:
    work = Work()
    work.go.set()

    async def scenario() -> int:
        groups = Groups(work, most=3)
        with pytest.raises(ValueError, match="unlucky"):
            await groups.result(13)
        return await groups.result(1)

    assert asyncio.run(scenario()) == 2


def test_a_caller_that_leaves_takes_no_other_with_it() -> None:
    work = Work()

    async def scenario() -> int:
        groups = Groups(work, most=3)
        leaving = asyncio.create_task(groups.result(1))
        await begun(work)
        staying = asyncio.create_task(groups.result(2))
        leaving.cancel()
        await asyncio.sleep(0)
        work.go.set()
        return await staying

    assert asyncio.run(scenario()) == 4
