"""Stops beside the keys: what was kept is there after any crash, once, and no torn line is taken for one."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ledger.errors import StoreUnavailable
from ledger.ids import consent_id, parse_address
from ledger.store.keptstops import HEADER, KeptStop, KeptStops

SMALL = 4096
CONTROLLER = parse_address("0x9858EfFD232B4033E47d90003D41EC34EcaEda94")
KILLS = int(os.environ.get("CONSENT_KILLS", "3"))


def stop(number: int, *, spread: bool = False) -> KeptStop:
    return KeptStop(
        consent=consent_id(number.to_bytes(32, "big")),
        controller=CONTROLLER,
        signature="0x" + "2b" * 65,
        spread=spread,
        at=1_795_341_600_000 + number,
    )


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[KeptStops]:
    with closing(KeptStops(tmp_path, reserve=SMALL)) as found:
        yield found


def again(tmp_path: Path) -> tuple[KeptStop, ...]:
    """What a restart finds."""
    with closing(KeptStops(tmp_path, reserve=SMALL)) as found:
        return found.read().stops


@contextmanager
def disk_full_beyond(size: int) -> Iterator[None]:
    """No file of this process can grow beyond a size."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_stops_wait_in_the_order_in_which_they_came(kept: KeptStops, tmp_path: Path) -> None:
    assert not kept.waiting
    for number in (2, 1, 3):
        kept.keep(stop(number))
    assert kept.waiting
    assert kept.read().stops == again(tmp_path) == (stop(2), stop(1), stop(3))


def test_a_stop_is_kept_once_and_hurried_once(kept: KeptStops) -> None:
    for _ in range(2):
        kept.keep(stop(1, spread=True))
        kept.keep(stop(1))
    assert kept.read().stops == (stop(1, spread=True), stop(1))


def test_what_was_applied_is_gone_and_what_came_meanwhile_is_not(kept: KeptStops, tmp_path: Path) -> None:
    kept.keep(stop(1))
    applied = kept.read()
    kept.keep(stop(2))
    assert not kept.clear(applied)
    assert kept.clear(kept.read())
    assert not kept.waiting
    assert again(tmp_path) == ()


@pytest.mark.parametrize("lost", [1, 2, 100, 300])
def test_a_torn_line_is_no_stop_and_takes_none_with_it(kept: KeptStops, tmp_path: Path, lost: int) -> None:
    kept.keep(stop(1))
    kept.keep(stop(2))
    end = kept.read().end
    tear(tmp_path, end - lost, bytes(lost))
    assert again(tmp_path) == (stop(1),)
    kept.keep(stop(3))
    assert again(tmp_path) == (stop(1), stop(3))
    assert kept.clear(kept.read())
    assert not kept.waiting


def test_a_line_torn_alone_does_not_wait_for_ever(kept: KeptStops, tmp_path: Path) -> None:
    tear(tmp_path, len(HEADER), b"5f0c0e7d")
    assert kept.waiting
    assert kept.read().stops == ()
    assert kept.clear(kept.read())
    assert not kept.waiting


def test_a_line_that_was_altered_is_no_stop(kept: KeptStops, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        kept.keep(stop(number))
    second = (kept.read().end - len(HEADER)) // 3 + len(HEADER)
    tear(tmp_path, second + 40, b"7")
    assert again(tmp_path) == (stop(1), stop(3))


def tear(directory: Path, at: int, data: bytes) -> None:
    with (directory / "kept").open("r+b") as file:
        file.seek(at)
        file.write(data)


def test_a_full_disk_takes_stops_as_far_as_there_is_room_and_loses_none(
    kept: KeptStops, tmp_path: Path
) -> None:
    with disk_full_beyond(SMALL):
        taken = [number for number in range(20) if is_kept(kept, number)]
    assert SMALL // 400 <= len(taken) < 20
    assert again(tmp_path) == tuple(map(stop, taken))
    kept.keep(stop(100))
    assert again(tmp_path) == (*map(stop, taken), stop(100))


def is_kept(kept: KeptStops, number: int) -> bool:
    try:
        kept.keep(stop(number))
    except StoreUnavailable:
        return False
    return True


def test_there_is_a_bound_for_those_who_prove_little(kept: KeptStops) -> None:
    kept.keep(stop(1))
    with pytest.raises(StoreUnavailable):
        kept.keep(stop(2), most=kept.read().end + 1)
    kept.keep(stop(2))


def test_processes_that_share_the_directory_share_the_stops(kept: KeptStops, tmp_path: Path) -> None:
    with closing(KeptStops(tmp_path, reserve=SMALL)) as other:
        kept.keep(stop(1))
        assert other.waiting
        other.keep(stop(2))
        assert kept.clear(other.read())
        assert not other.waiting


def test_refused_stops_are_noted_once_and_stay(kept: KeptStops, tmp_path: Path) -> None:
    for _ in range(2):
        kept.refuse([stop(1)])
    with (tmp_path / "refused").open("ab") as file:
        file.write(b"5f0c0e7d9d1b6c3a {")
    kept.refuse([stop(2)])
    assert kept.refused() == [stop(1), stop(2)]
    assert not kept.waiting


def test_a_file_of_another_format_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"consent-ledger/stops-kept/2\nwhatever")
    with pytest.raises(StoreUnavailable) as caught:
        KeptStops(tmp_path, reserve=SMALL)
    assert caught.value.reason == "stops_format"


def test_nobody_else_may_read_it(kept: KeptStops, tmp_path: Path) -> None:
    kept.refuse([stop(1)])
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("kept", "refused")] == [0o600, 0o600]


CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests_store import stop, KeptStops

kept = KeptStops(Path(sys.argv[1]))
for number in range(int(sys.argv[3]), 1 << 30):
    kept.keep(stop(number))
    print(number, flush=True)
"""


def test_what_was_kept_survives_kill_9(tmp_path: Path) -> None:
    said = 0
    for lines in [23, 1, 60, 7, 150][:KILLS] or [23]:
        command = [sys.executable, "-c", CHILD.replace("tests_store", Path(__file__).stem)]
        command += [str(tmp_path), str(Path(__file__).parent), str(said)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:  # noqa: S603 - our own
            assert child.stdout is not None
            heard = [child.stdout.readline() for _ in range(lines)]
            child.send_signal(signal.SIGKILL)
            heard += child.stdout.readlines()
        whole = [int(line) for line in heard if line.endswith("\n")]
        assert len(whole) >= lines
        said = whole[-1] + 1
        with closing(KeptStops(tmp_path)) as found:
            numbers = [int(one.consent, 16) for one in found.read().stops]
        assert numbers[:said] == list(range(said))
        said = len(numbers)
