"""The programs of other nodes."""

import os
import shutil
from pathlib import Path

_BUILT = Path(__file__).parents[2] / "build" / "tools"


def find(name: str, variable: str) -> Path:
    """What the environment's `variable` names, else on the PATH, else where `make tools` builds it."""
    named, on_path = os.environ.get(variable), shutil.which(name)
    found = Path(named) if named else Path(on_path) if on_path else _BUILT / name
    if not found.exists():
        raise FileNotFoundError(f"there is no {name} at {found}; build it with: make tools")
    return found
