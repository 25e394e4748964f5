"""Waiting until something is on chain, as gateway and chain both show it."""

import time
from collections.abc import Callable

from ledger.chain.index import ChainState
from ledger.client.directory import DirectoryView
from ledger.client.gateway import GatewayClient
from ledger.client.wire import ChainStatus
from ledger.errors import Undecidable
from ledger.ids import ConsentId

PATIENCE = 120.0
PAUSE = 0.2
LEVELS = {"seen": ("seen", "final", "ended"), "final": ("final",)}


def wait_for_consent(
    gateway: GatewayClient,
    directory: DirectoryView,
    consent: ConsentId,
    level: str,
    *,
    stop: bool = False,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> ChainStatus:
    """Wait until a recording, or with `stop` its end, is on chain at a level; what the gateway says then.

    The client's own RPC must show it too: ACTIVE after a recording, ENDED after a stop.

    Args:
        gateway: asked how far its relayer is.
        directory: reads the chain.
        consent: which one.
        level: ``seen`` or ``final``.
        stop: whether its end is waited for.
        clock: seconds that never go back.
        pause: waits some seconds.

    Raises:
        Undecidable: (``not_yet``) it took longer than two minutes; nothing is lost by that.
    """
    wanted = ChainState.ENDED if stop else ChainState.ACTIVE
    end = clock() + PATIENCE
    while True:
        row = gateway.consent(consent)
        status = row.stop if stop else row.chain
        if status is not None and status.state in LEVELS[level]:
            directory.refresh()
            if directory.state(consent, level) is wanted:
                return status
        if clock() >= end:
            raise Undecidable(
                "it is still on its way to the chain",
                reason="not_yet",
                fix="Nothing is lost. Look again with: consent show",
            )
        pause(PAUSE)
