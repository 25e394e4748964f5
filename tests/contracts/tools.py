"""Foundry's tools, run as a developer runs them."""

import os
import subprocess
from pathlib import Path

CONTRACTS = Path(__file__).parents[2] / "contracts"


def foundry(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs ``contracts/foundry`` in that folder, with more environment; no exit code raises."""
    return subprocess.run(  # noqa: S603
        [CONTRACTS / "foundry", *arguments],
        cwd=CONTRACTS,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
