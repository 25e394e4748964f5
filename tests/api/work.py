"""What a gateway does for a request: a measure of time that does not depend on the machine."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from ledger.chain.rpc import Rpc
from ledger.records.blocks import LocalBlockStore
from ledger.store.vault import Vault

SERVING = ("AnyIO worker thread", "asyncio_", "http")
"""The names of the threads that serve requests; the gateway's own work goes on in others."""
COSTLY = [
    (Vault, "open"),
    (Vault, "seal"),
    (Rpc, "batch"),
    (LocalBlockStore, "get"),
    (LocalBlockStore, "has"),
]


@contextmanager
def watched() -> Iterator[list[str]]:
    """What is asked of database, vault, chain and blocks, in order, while this lasts.

    Of a statement only the verb: whether a key is looked up in one table or in another takes no longer.
    """
    done: list[str] = []

    def note(what: str) -> None:
        if threading.current_thread().name.startswith(SERVING):
            done.append(what)

    def stated(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        note(statement.split()[0])

    def noted(kind: type, name: str) -> Callable[..., Any]:
        inner = getattr(kind, name)

        def outer(*args: Any, **more: Any) -> Any:  # noqa: ANN401
            note(f"{kind.__name__}.{name}")
            return inner(*args, **more)

        return outer

    with pytest.MonkeyPatch.context() as patching:
        for kind, name in COSTLY:
            patching.setattr(kind, name, noted(kind, name))
        event.listen(Engine, "before_cursor_execute", stated)
        try:
            yield done
        finally:
            event.remove(Engine, "before_cursor_execute", stated)
