"""cli: how long `consent --help` takes as a process."""

import subprocess
import sys

from tests.bench.measure import Figures, median_seconds


def run() -> Figures:
    """Median in milliseconds."""
    command = [sys.executable, "-m", "cli.main", "--help"]

    def start() -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own program

    return {"startup_ms": median_seconds(start, runs=7) * 1000}
