"""Halmos and Slither, from a virtual environment of their own: they need another web3 than the project."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contracts.tools import CONTRACTS

ENVIRONMENT = CONTRACTS / ".analysis"


def analyse(
    tool: str, *arguments: str, folder: Path = CONTRACTS, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs a tool in a folder, where it finds forge, with more environment; no exit code raises."""
    scripts = ENVIRONMENT / ("Scripts" if sys.platform == "win32" else "bin")
    if not (ENVIRONMENT / ".ready").exists():
        pytest.fail(f"{tool} is missing; run `make contracts/.analysis/.ready`")
    path = os.pathsep.join([str(scripts), str(_forge()), os.environ["PATH"]])
    return subprocess.run(  # noqa: S603
        [scripts / tool, *arguments],
        cwd=folder,
        env={**os.environ, "PATH": path, "NO_COLOR": "1", **environment},
        capture_output=True,
        text=True,
        timeout=1_000,
        check=False,
    )


def _forge() -> Path:
    """The folder of the forge that ``contracts/foundry`` runs."""
    found = sorted((CONTRACTS / "node_modules" / "@foundry-rs").glob("forge-*/bin"))
    if not found:
        pytest.fail("forge is missing; run `npm ci` in contracts")
    return found[0]
