"""A large file, published and read back by real processes, all in bounded memory.

CONSENT_LARGE_FILE_MIB is its size; 512 if it is not set, and 4096 every night.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from hashlib import file_digest
from pathlib import Path

import pytest

from tests.cli.support import VARIABLES, Town

pytestmark = pytest.mark.chain

MIB = 1 << 20
SIZE = int(os.environ.get("CONSENT_LARGE_FILE_MIB", "512"))
MOST = 200
"""Resident memory that each process may have at most, in MiB."""
MEASURED = """
import sys
from pathlib import Path
from cli.main import main
code = main(sys.argv[2:])
Path(sys.argv[1]).write_text(Path("/proc/self/status").read_text())
sys.exit(code)
"""
"""A command that tells in a file what it needed: the usage of a child counts what its parent had, too."""
COPIES = 4
"""The file, its staged blocks, its blocks, and what is read."""


@pytest.fixture(scope="module")
def village(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Town, int]]:
    """A stack in a process of its own, which its users reach by HTTP alone; and that process's id."""
    home = tmp_path_factory.mktemp("village")
    (home / "passphrase").touch(mode=0o600)
    (home / "passphrase").write_text("only for tests\n")
    with subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "cli", "--home", str(home), "--json", "up", "--port", "0", "--rpc-port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env=bare(),
    ) as up:
        try:
            assert up.stdout is not None
            assert up.stdout.readline()
            network = json.loads((home / "stack" / "network.json").read_bytes())
            del network["blocks"]
            (home / "stack" / "network.json").write_text(json.dumps(network, separators=(",", ":")))
            yield Town(home=home, database=home / "stack"), up.pid
        finally:
            up.terminate()


def bare() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in VARIABLES}


def peak_of(town: Town, *arguments: str | Path) -> float:
    """The most memory that a command had, in MiB; it ends well."""
    given = ["--home", str(town.home), "--passphrase-file", str(town.home / "passphrase")]
    status = town.home / "status"
    subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", MEASURED, status, *given, *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        env=bare(),
        check=True,
    )
    return peak_in(status)


def peak_in(status: Path) -> float:
    """The most memory that a process ever had, in MiB, from its status."""
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def fill(path: Path) -> None:
    free = shutil.disk_usage(path.parent).free // MIB
    assert free > COPIES * SIZE, f"{COPIES * SIZE} MiB of disk are needed, and {free} are free"
    with path.open("wb") as file:
        for _ in range(SIZE):
            file.write(os.urandom(MIB))


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def test_a_large_file_is_published_and_read_back_in_bounded_memory(
    village: tuple[Town, int], tmp_path: Path
) -> None:
    town, gateway = village
    town.newcomer("lars")
    town.admitted("harbour", "Harbour Clinic")
    town.introduced("lars", "harbour")
    scan = tmp_path / "scan.bin"
    fill(scan)
    adding = peak_of(town, "-p", "lars", "record", "add", scan, "--class", "imaging")
    town.ok(
        "-p", "lars", *("grant", "--to", "Harbour Clinic", "--purpose", "TREAT", "--yes", "--wait", "seen")
    )
    reading = peak_of(
        town, "-p", "harbour", *("read", "lars", "--purpose", "TREAT", "--to", tmp_path / "out")
    )
    assert digest(tmp_path / "out" / "scan.bin") == digest(scan)
    peaks = {"adding": adding, "reading": reading, "gateway": peak_in(Path(f"/proc/{gateway}/status"))}
    print(f"\nMiB for a file of {SIZE} MiB:", {name: round(peak) for name, peak in peaks.items()})
    assert max(peaks.values()) <= MOST, peaks
