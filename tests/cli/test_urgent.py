"""Stopping while `consent record add` holds the profile: at once, and for good, whoever is killed when."""

import signal
import subprocess
import time
from hashlib import md5
from pathlib import Path
from typing import NamedTuple

import pytest

from cli.exits import Exit
from ledger.client.home import Home
from ledger.client.opening import open_desk
from ledger.ids import ConsentId
from tests.cli.halting import STOPPING
from tests.cli.support import Town
from tests.cli.test_interrupted import PATIENCE, halted
from tests.network import small_bundle

pytestmark = pytest.mark.chain

AT_ONCE = 5.0
"""Seconds in which a stop has ended, whatever else runs."""
BEFORE_SENDING = ["encrypting", "storing", "stored"]
"""Moments of `record add` at which the gateway has not been told of the records."""


class Sharing(NamedTuple):
    """A patient who shares everything with the clinic."""

    town: Town
    name: str
    consent: str
    bundle: Path

    @property
    def add(self) -> tuple[str | Path, ...]:
        """The command that adds the bundle, though it was added before."""
        return ("-p", self.name, "record", "add", self.bundle, "--again")

    def revoke(self, *more: str) -> tuple[str, ...]:
        return ("-p", self.name, "revoke", *(more or (self.consent,)), "--yes")

    @property
    def notes(self) -> list[Path]:
        return sorted((self.town.home / "profiles" / self.name / "stops").glob("*.sealed"))

    def reads(self) -> int:
        """How the clinic's reading ends."""
        return self.town.run("-p", "clinic", "read", self.name, "--purpose", "TREAT").code

    def epochs(self) -> tuple[int, list[int]]:
        """The highest epoch whose key the clinic was ever sent; that of each copy of the Patient."""
        profile = Home(self.town.home).profile(self.name)
        with open_desk(profile, profile.config(), profile.unlock("only for tests")) as desk:
            kept = desk.state.filings[ConsentId(self.consent)]
            assert kept.stopped
            copies = [one for one in desk.patient.records() if one.header.record_class == "demographics"]
            return max(kept.opened.values()), sorted(one.epoch for one in copies)


@pytest.fixture
def sharing(town: Town, tmp_path: Path, request: pytest.FixtureRequest) -> Sharing:
    """One for each test, named after it."""
    name = "urgent-" + md5(request.node.name.encode(), usedforsecurity=False).hexdigest()[:8]
    town.newcomer(name)
    town.introduced(name, "clinic")
    bundle = tmp_path / "bundle.json"
    bundle.write_bytes(small_bundle("Condition"))
    town.ok("-p", name, "record", "add", bundle)
    granted = town.ok(
        *("-p", name, "grant", "--to", "City Hospital", "--purpose", "TREAT", "--yes", "--wait", "seen")
    )
    sharing = Sharing(town, name, granted["consent"], bundle)
    assert sharing.reads() == Exit.OK
    return sharing


def finished(process: "subprocess.Popen[str]") -> int:
    """How the command ends that stood still."""
    process.communicate(timeout=PATIENCE)
    return process.returncode


@pytest.mark.parametrize("moment", BEFORE_SENDING)
def test_a_stop_waits_for_no_running_command_which_then_seals_nothing_for_whom_it_stopped(
    sharing: Sharing, moment: str
) -> None:
    with halted(sharing.town, moment, *sharing.add) as process:
        start = time.monotonic()
        ran = sharing.town.run(*sharing.revoke())
        assert time.monotonic() - start < AT_ONCE
        assert ran.code == Exit.OK, ran.err
        assert "Stopped. Nobody can open anything more through this choice." in ran.out
        assert "gets the keys to what is new with your next command" in ran.err
        assert sharing.reads() == Exit.DENIED
        assert len(sharing.notes) == 2
        assert finished(process) == Exit.OK
    assert sharing.notes == []
    opened, sealed = sharing.epochs()
    assert (opened, sealed) == (0, [0, 1])
    assert sharing.reads() == Exit.DENIED
    assert [one["state"] for one in sharing.town.consents(sharing.name)] == ["stopped"]


def test_all_is_stopped_and_a_request_declined_meanwhile(sharing: Sharing) -> None:
    town = sharing.town
    asked = town.ok("-p", "clinic", "request", "send", sharing.name, "--purpose", "HRESCH")["request"]
    with halted(town, "storing", *sharing.add) as process:
        start = time.monotonic()
        assert town.ok(*sharing.revoke("--all"))["stopped"][0]["consent"] == sharing.consent
        assert town.ok("-p", sharing.name, "request", "decline", asked, "--yes")["state"] == "declined"
        assert time.monotonic() - start < 2 * AT_ONCE
        assert sharing.reads() == Exit.DENIED
        assert finished(process) == Exit.OK
    assert sharing.epochs() == (0, [0, 1])


def test_a_kill_of_the_running_command_loses_no_stop(sharing: Sharing) -> None:
    with halted(sharing.town, "stored", *sharing.add) as process:
        sharing.town.ok(*sharing.revoke())
        process.kill()
        assert process.wait(PATIENCE) == -signal.SIGKILL
    sharing.town.ok(*sharing.add)
    opened, sealed = sharing.epochs()
    assert (opened, sealed) == (0, [0, 1, 1])
    assert sharing.reads() == Exit.DENIED


@pytest.mark.parametrize("moment", STOPPING)
def test_a_kill_of_the_stop_leaves_nothing_half_done(sharing: Sharing, moment: str) -> None:
    """What is noted holds here, whether or not the gateway heard of it; stopping again ends it."""
    with halted(sharing.town, "storing", *sharing.add) as running:
        with halted(sharing.town, moment, *sharing.revoke()) as stopping:
            stopping.kill()
            assert stopping.wait(PATIENCE) == -signal.SIGKILL
        assert len(sharing.notes) == {"noting": 0, "telling": 1, "told": 1, "acknowledged": 2}[moment]
        heard = moment in {"told", "acknowledged"}
        assert sharing.reads() == (Exit.DENIED if heard else Exit.OK)
        assert finished(running) == (Exit.FAILED if moment == "telling" else Exit.OK)
    sharing.town.ok(*sharing.revoke())
    assert sharing.reads() == Exit.DENIED
    sharing.town.ok(*sharing.add)
    assert sharing.notes == []
    opened, sealed = sharing.epochs()
    assert opened == 0
    assert sealed[-1] == 1
    assert sealed.count(0) == (2 if moment == "noting" else 1)


def test_a_running_command_does_not_take_a_stop_on_its_way_for_a_lie(sharing: Sharing) -> None:
    with (
        halted(sharing.town, "storing", *sharing.add) as running,
        halted(sharing.town, "telling", *sharing.revoke()) as stopping,
    ):
        assert running.stdin is not None
        running.stdin.close()  # it goes on, and finds the note
        assert len(sharing.notes) == 1
        assert finished(stopping) == Exit.OK
        assert running.wait(PATIENCE) == Exit.OK
    assert sharing.epochs() == (0, [0, 1])
    assert sharing.reads() == Exit.DENIED


def test_a_note_that_was_altered_is_named_and_keeps_nothing_from_being_stopped(sharing: Sharing) -> None:
    with halted(sharing.town, "storing", *sharing.add) as process:
        bad = sharing.town.home / "profiles" / sharing.name / "stops" / "0000000000000000.sealed"
        bad.parent.mkdir(mode=0o700)
        bad.write_bytes(b"nonsense")
        assert sharing.town.run(*sharing.revoke()).code == Exit.OK
        assert sharing.reads() == Exit.DENIED
        assert finished(process) == Exit.USAGE
    error = sharing.town.failed(2, "-p", sharing.name, "list")
    assert error["reason"] == "bad_stop_note"
    assert str(bad) in error["message"]
    bad.unlink()
    sharing.town.ok(*sharing.add)
    opened, sealed = sharing.epochs()
    assert (opened, set(sealed[1:])) == (0, {1})
