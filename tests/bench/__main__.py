"""`make bench`: run the parts, print a table, write build/bench.json. Nothing here is a test."""

import argparse
import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.measure import Figures

PARTS = {
    "gas": "gas",
    "policy": "policy",
    "records": "records",
    "gateway": "gateway",
    "log": "log",
    "revocation": "revocation",
    "chain": "chain",
    "relay": "relay",
    "cli": "command",
}
PACKAGES = ("cedarpy", "cryptography", "fastapi", "msgspec", "sqlalchemy", "web3")
TARGET = Path("build/bench.json")


def main() -> None:
    """Run the parts named by --only, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help=f"comma-separated: {', '.join(PARTS)}")
    chosen = parser.parse_args().only.split(",")
    if unknown := set(chosen) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    report: dict[str, Any] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    table = Table("part", "key", "median", "peer / ours", title="Consent Ledger bench")
    for part in chosen:
        figures, peers = measured(part)
        report[part] = {key: round(value, 3) for key, value in figures.items()}
        for key, value in figures.items():
            ratio = f"{figures[peers[key]] / value:,.1f}" if key in peers else ""
            table.add_row(part, key, f"{value:,.1f}" if value >= 1 else f"{value:.3f}", ratio)
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(json.dumps(report, indent=2) + "\n")
    console = Console()
    console.print(table)
    console.print(f"{report['machine']}; {versions_text(report['versions'])}", soft_wrap=True)


def measured(part: str) -> tuple[Figures, Mapping[str, str]]:
    """The figures of one part, and which of them is a peer's to which; exit 1 if a peer is missing."""
    try:
        module = import_module(f"tests.bench.{PARTS[part]}")
        return module.run(), getattr(module, "PEERS", {})
    except ModuleNotFoundError as exc:
        raise SystemExit(f"{part} needs a package that is missing: pip install {exc.name}") from exc
    except FileNotFoundError as exc:
        raise SystemExit(f"{part}: {exc}") from exc


def versions_text(versions: dict[str, str]) -> str:
    """Names and versions on one line."""
    return ", ".join(f"{name} {found}" for name, found in versions.items())


if __name__ == "__main__":
    main()
