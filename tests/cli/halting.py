"""`consent`, standing still at a moment of publishing or stopping: ``python -m tests.cli.halting MOMENT …``.

It says so by a line on stdout, and goes on when its stdin ends, unless it is killed by then.
"""

import signal
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

from cli.main import main
from ledger.client.blocks import GatewayBlocks
from ledger.client.gateway import GatewayClient
from ledger.client.outbox import OwnOutbox
from ledger.client.staging import Batch, StagedBlocks
from ledger.client.stopnotes import StopNotes
from ledger.records.blocks import LocalBlockStore

MOMENTS: dict[str, tuple[type, str, int, bool]] = {
    "encrypting": (StagedBlocks, "put", 3, False),
    "noted": (Batch, "keep", 1, True),
    "storing": (LocalBlockStore, "adopt", 2, False),
    "uploading": (GatewayBlocks, "put", 3, False),
    "stored": (OwnOutbox, "send", 1, False),
    "sent": (OwnOutbox, "send", 1, True),
    "cleaning": (Batch, "remove", 1, False),
}
"""The method, which of its calls, and whether after it or before."""
STOPPING: dict[str, tuple[type, str, int, bool]] = {
    "noting": (StopNotes, "write", 1, False),
    "telling": (GatewayClient, "revoke", 1, False),
    "told": (GatewayClient, "revoke", 1, True),
    "acknowledged": (StopNotes, "write", 2, True),
}
"""The same of a stop beside another command."""


def halt_at(moment: str) -> None:
    """Stand still at a moment."""
    kind, name, call, after = (MOMENTS | STOPPING)[moment]
    method: Callable[..., Any] = getattr(kind, name)
    calls = 0

    @wraps(method)
    def halting(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        nonlocal calls
        calls += 1
        last = calls == call
        if last and not after:
            _stand_still()
        answer = method(*arguments, **named)
        if last and after:
            _stand_still()
        return answer

    setattr(kind, name, halting)


def _stand_still() -> None:
    print("halted", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it
    halt_at(sys.argv[1])
    raise SystemExit(main(sys.argv[2:]))
