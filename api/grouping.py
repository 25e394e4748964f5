"""Doing together what waits at the same time."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Groups(Generic[Item, Result]):
    """Hands items to `act` in a thread, in groups: whatever has come while the group before was at work.

    Nobody waits for others to come. For one event loop; `act` is never called twice at once.
    """

    def __init__(self, act: Callable[[Sequence[Item]], Sequence[Result]], *, most: int) -> None:
        self._act = act
        self._most = most
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._work: asyncio.Task[None] | None = None

    async def result(self, item: Item) -> Result:
        """What `act` gave for the item; what it raised instead, it raised for the whole group."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((item, future))
        if self._work is None:
            self._work = loop.create_task(self._go_on())
        return await future

    async def _go_on(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            group, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            try:
                results = await loop.run_in_executor(None, self._act, [item for item, _ in group])
            except Exception as exc:  # every one of them is told
                for _, future in group:
                    if not future.done():
                        future.set_exception(exc)
                continue
            for (_, future), result in zip(group, results, strict=True):
                if not future.done():  # else its caller has left
                    future.set_result(result)
        self._work = None
