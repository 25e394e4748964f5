"""`make bench`: run the parts, print a table, write build/bench.json. Nothing here is a test."""

import argparse
import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench import command, gas, log, policy, records

PARTS = {
    "gas": gas.run,
    "policy": policy.run,
    "records": records.run,
    "log": log.run,
    "cli": command.run,
}
PACKAGES = ("cryptography", "fastapi", "msgspec", "sqlalchemy", "web3")
TARGET = Path("build/bench.json")


def main() -> None:
    """Run the parts named by --only, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help=f"comma-separated: {', '.join(PARTS)}")
    chosen = parser.parse_args().only.split(",")
    if unknown := set(chosen) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    report: dict[str, object] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    table = Table("part", "key", "median", title="Consent Ledger bench")
    for part in chosen:
        figures = PARTS[part]()
        report[part] = {key: round(value, 3) for key, value in figures.items()}
        for key, value in figures.items():
            table.add_row(part, key, f"{value:,.1f}")
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(json.dumps(report, indent=2) + "\n")
    Console().print(table)


if __name__ == "__main__":
    main()
