"""``python -m tests.faults.wrongclock``: a gateway whose clock is wrong by as many seconds as a file says.

It is the gateway of `consent serve`, with its settings from the environment.
"""

import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from api.gathering import gather
from api.server import Server

WRONG = "CONSENT_TEST_CLOCK"
"""The variable that names the file."""


def main() -> None:
    wrong = Path(os.environ[WRONG])

    def clock() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=int(wrong.read_text() or 0))

    settings = gather(os.environ, flags={"port": int(sys.argv[-1])}).settings
    with Server(settings, clock=clock):
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    main()
