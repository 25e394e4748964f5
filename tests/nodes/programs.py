"""The programs of other nodes."""

import os
import shutil
from pathlib import Path

_BUILT = Path(__file__).parents[2] / "build" / "tools"
_PACKAGED = Path("/usr/lib/postgresql")


def find(name: str, variable: str) -> Path:
    """What the environment's `variable` names, else on the PATH, else where `make tools` builds it."""
    named, on_path = os.environ.get(variable), shutil.which(name)
    found = Path(named) if named else Path(on_path) if on_path else _BUILT / name
    if not found.exists():
        raise FileNotFoundError(f"there is no {name} at {found}; build it with: make tools")
    return found


def postgres_folder() -> Path:
    """The programs of PostgreSQL: what CONSENT_POSTGRES names, else on the PATH, else the newest packaged."""
    named, on_path = os.environ.get("CONSENT_POSTGRES"), shutil.which("initdb")
    packaged = sorted(_PACKAGED.glob("*/bin"), key=lambda folder: folder.parent.name.zfill(4))
    folders = [Path(named)] if named else [Path(on_path).parent] if on_path else packaged
    if not folders or not (folders[-1] / "initdb").exists():
        raise FileNotFoundError(
            "there is no PostgreSQL here; install the package postgresql, or name the folder with initdb "
            "in CONSENT_POSTGRES"
        )
    return folders[-1]
