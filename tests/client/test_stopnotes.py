"""A stop is remembered whoever holds the profile, and wherever a process dies."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.canonical import canonical, parse_object
from ledger.client import files
from ledger.client.atrest import Sealer
from ledger.client.home import ProfileDir
from ledger.client.kept import filings_to_json
from ledger.client.ports import KeptFiling, SealedTo
from ledger.client.state import SEALED as STATE_SEALED
from ledger.client.state import SealedState, StopsOnly
from ledger.client.stopnotes import FORMAT, SEALED, StopNotes, with_stop
from ledger.crypto.identity import Identity
from ledger.errors import InvalidInput, KeyLocked, StoreUnavailable
from ledger.ids import ConsentId, did_of

IDENTITY = Identity.from_words("abandon " * 23 + "art")
OTHER = Identity.from_words("zoo " * 23 + "vote")
CONSENTS = [ConsentId(f"0x{number:064x}") for number in range(3)]
TO = SealedTo(bytes(32), 0, did_of(31337, IDENTITY.account.address))
SHARING = KeptFiling(
    controller=2, filing={"epoch": 0}, sealed=frozenset({TO}), opened={bytes(32): 0}, taken=True
)
STOPPED = replace(SHARING, stopped=True)
ACKNOWLEDGED = replace(STOPPED, sealed=frozenset())


@pytest.fixture
def profile(tmp_path: Path) -> ProfileDir:
    """A profile with three consents that share."""
    profile = ProfileDir(tmp_path / "alice")
    profile.create()
    with profile.state(IDENTITY) as state:
        state.filings.update(dict.fromkeys(CONSENTS, SHARING))
        state.save()
    return profile


def memory_in(profile: ProfileDir) -> SealedState:
    """The state in the file, without what is noted beside it."""
    return SealedState.load(profile.path / "state.sealed", profile.receipts, IDENTITY)


def urgent(profile: ProfileDir) -> StopsOnly:
    """What a command has that stops while another holds the profile."""
    return StopsOnly.load(profile.path / "state.sealed", profile.receipts, IDENTITY)


def stop(state: SealedState, consent: ConsentId, kept: KeptFiling = STOPPED) -> None:
    state.filings[consent] = kept
    state.save()


def notes(profile: ProfileDir) -> list[Path]:
    return sorted((profile.path / "stops").glob("*.sealed"))


def everything(profile: ProfileDir) -> dict[Path, bytes]:
    """All files of a profile but its locks."""
    found = (path for path in profile.path.rglob("*") if path.is_file() and path.name != ".lock")
    return {path: path.read_bytes() for path in found}


def test_a_stop_gets_a_profile_that_another_command_holds_and_leaves_its_file_alone(
    profile: ProfileDir,
) -> None:
    before = (profile.path / "state.sealed").read_bytes()
    with profile.state(IDENTITY), profile.state_to_stop(IDENTITY) as state:
        assert not state.keeps_all
        stop(state, CONSENTS[0])
    assert (profile.path / "state.sealed").read_bytes() == before
    assert [path.stat().st_mode & 0o777 for path in notes(profile)] == [0o600]


def test_a_stop_gets_a_free_profile_as_any_command_does(profile: ProfileDir) -> None:
    with profile.state_to_stop(IDENTITY) as state:
        assert state.keeps_all
        stop(state, CONSENTS[0])
    assert memory_in(profile).filings[CONSENTS[0]].stopped
    assert notes(profile) == []


def test_the_next_command_takes_the_stop_in_and_removes_the_note(profile: ProfileDir) -> None:
    stopping = urgent(profile)
    stop(stopping, CONSENTS[0])
    stop(stopping, CONSENTS[0], ACKNOWLEDGED)
    stop(stopping, CONSENTS[1])
    with profile.state(IDENTITY) as state:
        assert [state.filings[one] for one in CONSENTS] == [ACKNOWLEDGED, STOPPED, SHARING]
    assert memory_in(profile).filings == state.filings
    assert notes(profile) == []


def test_the_running_command_takes_it_in_when_it_looks(profile: ProfileDir) -> None:
    with profile.state(IDENTITY) as holder:
        assert not holder.heed_stops()
        stop(urgent(profile), CONSENTS[0])
        assert holder.heed_stops()
        assert holder.filings[CONSENTS[0]].stopped
        assert not holder.heed_stops()


def test_what_is_saved_without_looking_does_not_undo_a_stop(profile: ProfileDir) -> None:
    with profile.state(IDENTITY) as holder:
        stop(urgent(profile), CONSENTS[0])
        holder.next_controller = 7
        holder.save()
    with profile.state(IDENTITY) as state:
        assert state.filings[CONSENTS[0]].stopped
        assert state.next_controller == 7


def test_a_stop_of_a_consent_that_only_the_gateway_remembered_is_kept_whole(profile: ProfileDir) -> None:
    foreign, kept = ConsentId("0x" + "cd" * 32), replace(STOPPED, controller=9)
    stop(urgent(profile), foreign, kept)
    with profile.state(IDENTITY) as state:
        assert state.filings[foreign] == kept


def test_one_stop_knows_of_another_that_nobody_has_taken_in(profile: ProfileDir) -> None:
    stop(urgent(profile), CONSENTS[0])
    second = urgent(profile)
    assert second.filings[CONSENTS[0]].stopped
    second.save()
    assert len(notes(profile)) == 1


def test_nothing_but_stops_is_kept_beside_another_command(profile: ProfileDir) -> None:
    before = everything(profile)
    state = urgent(profile)
    state.checkpoint, state.next_controller = "origin\n1\nAAAA\n", 9
    state.filings[CONSENTS[0]] = replace(SHARING, controller=4)
    state.save()
    assert everything(profile) == before


def test_a_note_tells_nothing(profile: ProfileDir) -> None:
    stop(urgent(profile), CONSENTS[0])
    (path,) = notes(profile)
    assert CONSENTS[0][2:] not in path.name
    assert parse_object(path.read_bytes()).keys() == {"ciphertext", "format", "nonce"}


def test_a_note_is_there_until_the_state_that_has_it_is_on_disk(
    profile: ProfileDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop(urgent(profile), CONSENTS[0])

    def full(*_: object) -> None:
        raise StoreUnavailable("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(files, "replace", full)
        with pytest.raises(StoreUnavailable), profile.state(IDENTITY):
            raise AssertionError("it cannot be opened")
    with profile.state(IDENTITY) as state:
        assert state.filings[CONSENTS[0]].stopped


def test_a_stop_that_cannot_be_noted_is_an_error(
    profile: ProfileDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreUnavailable("the disk is full")

    state = urgent(profile)
    monkeypatch.setattr(files, "replace", full)
    with pytest.raises(StoreUnavailable):
        stop(state, CONSENTS[0])


def sealed(content: dict[str, Any], identity: Identity = IDENTITY, format_: str = SEALED) -> bytes:
    return Sealer(format_, identity).seal(content)


def good(filings: object = None) -> dict[str, Any]:
    return {"format": FORMAT, "filings": filings or filings_to_json({CONSENTS[0]: STOPPED})}


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def altered(data: bytes) -> bytes:
    content = parse_object(data)
    content["ciphertext"] = "AAAA" + content["ciphertext"][4:]
    return canonical(content)


BAD_NOTES: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "torn": lambda: cut(sealed(good())),
    "altered": lambda: altered(sealed(good())),
    "nonsense": lambda: b"nonsense",
    "of another identity": lambda: sealed(good(), OTHER),
    "a state": lambda: sealed({"format": "consent-ledger/state/1"}, format_=STATE_SEALED),
    "of another version": lambda: sealed({**good(), "format": "consent-ledger/stops/2"}),
    "with another member": lambda: sealed({**good(), "more": 1}),
    "without a stop": lambda: sealed(good(filings_to_json({CONSENTS[0]: SHARING}))),
    "of no filings": lambda: sealed(good([1])),
    "of no consent": lambda: sealed(good({"0x12": {}})),
}


@pytest.mark.parametrize("bad", BAD_NOTES)
def test_a_note_that_nobody_here_wrote_is_named_and_changes_nothing(profile: ProfileDir, bad: str) -> None:
    stop(urgent(profile), CONSENTS[1])
    path = profile.path / "stops" / "0000000000000000.sealed"
    path.write_bytes(BAD_NOTES[bad]())
    before = everything(profile)
    with pytest.raises(InvalidInput) as caught, profile.state(IDENTITY):
        raise AssertionError("it cannot be opened")
    assert caught.value.reason == "bad_stop_note"
    assert str(path) in caught.value.message
    assert everything(profile) == before


@pytest.mark.parametrize("bad", BAD_NOTES)
def test_a_note_that_nobody_here_wrote_keeps_nothing_from_being_stopped(
    profile: ProfileDir, bad: str
) -> None:
    path = profile.path / "stops" / "0000000000000000.sealed"
    files.make_private(path.parent)
    path.write_bytes(BAD_NOTES[bad]())
    with profile.state_to_stop(IDENTITY) as state:
        stop(state, CONSENTS[2])
    assert urgent(profile).filings[CONSENTS[2]].stopped
    path.unlink()
    with profile.state(IDENTITY) as state:
        assert state.filings[CONSENTS[2]].stopped


def test_a_state_that_cannot_be_opened_is_an_error_for_a_stop_too(profile: ProfileDir) -> None:
    with pytest.raises(KeyLocked), profile.state_to_stop(OTHER):
        raise AssertionError("it cannot be opened")


def test_a_note_that_was_being_written_at_a_kill_is_no_note(profile: ProfileDir) -> None:
    files.make_private(profile.path / "stops")
    (profile.path / "stops" / ".0011223344556677.sealed.8899aabb.part").write_bytes(b"half")
    with profile.state(IDENTITY) as state:
        assert not state.heed_stops()


def test_a_note_that_another_takes_in_meanwhile_is_passed_over(
    profile: ProfileDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop(urgent(profile), CONSENTS[0])
    read = files.read

    def too_late(path: Path) -> bytes:
        path.unlink()
        return read(path)

    monkeypatch.setattr(files, "read", too_late)
    assert StopNotes(profile.path / "stops", IDENTITY).read() == []


def test_whoever_takes_a_stop_in_waits_until_the_gateway_was_told(
    profile: ProfileDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, under_way = [], ExitStack()

    def ends(_seconds: float) -> None:
        told.append(CONSENTS[0])
        under_way.close()

    with profile.state(IDENTITY) as holder, under_way:
        stopping = urgent(profile)
        under_way.enter_context(stopping.stopping())
        stop(stopping, CONSENTS[0])
        monkeypatch.setattr(time, "sleep", ends)
        assert holder.heed_stops()
        assert told == [CONSENTS[0]]
        assert holder.filings[CONSENTS[0]].stopped


def test_a_stop_that_hangs_is_not_waited_for_for_ever(
    profile: ProfileDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = [0.0]

    def pause(seconds: float) -> None:
        passed[0] += seconds

    with profile.state(IDENTITY) as holder:
        monkeypatch.setattr(time, "sleep", pause)
        monkeypatch.setattr(time, "monotonic", lambda: passed[0])
        hanging = urgent(profile)
        with hanging.stopping():
            stop(hanging, CONSENTS[0])
            assert holder.heed_stops()
        assert holder.filings[CONSENTS[0]].stopped
    assert 10 <= passed[0] < 11


def test_stops_do_not_wait_for_each_other(profile: ProfileDir, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_seconds: float) -> None:
        raise AssertionError("it waits")

    first, second = urgent(profile), urgent(profile)
    monkeypatch.setattr(time, "sleep", never)
    with first.stopping(), second.stopping():
        stop(first, CONSENTS[0])
        stop(second, CONSENTS[1])
    assert len(notes(profile)) == 2


KEPT = st.builds(
    KeptFiling,
    controller=st.just(2),
    filing=st.just({"epoch": 0}),
    sealed=st.sampled_from([frozenset(), frozenset({TO})]),
    opened=st.dictionaries(st.just(bytes(32)), st.integers(0, 3)),
    closed=st.dictionaries(st.just(bytes(32)), st.integers(0, 3)),
    taken=st.booleans(),
    stopped=st.booleans(),
)


@given(st.one_of(st.none(), KEPT), KEPT.map(lambda kept: replace(kept, stopped=True)))
def test_taking_a_note_in_again_is_the_same(known: KeptFiling | None, noted: KeptFiling) -> None:
    once = with_stop(known, noted)
    assert once.stopped
    assert with_stop(once, noted) == once
    assert known is None or (once.opened, once.closed) == (known.opened, known.closed)


@dataclass
class Walk:
    """Commands of one profile that come, stop things and die in any order; and which stops were accepted."""

    profile: ProfileDir
    holding: ExitStack = field(default_factory=ExitStack)
    holder: SealedState | None = None
    urgent: StopsOnly | None = None
    stopped: set[ConsentId] = field(default_factory=set)

    def hold(self, consent: ConsentId) -> None:
        self.die(consent)
        self.holder = self.holding.enter_context(self.profile.state(IDENTITY))
        self.require(self.holder)

    def die(self, consent: ConsentId) -> None:
        """Whoever holds the profile is killed: nothing more is saved."""
        self.holding.close()
        self.holder = None

    def save(self, consent: ConsentId) -> None:
        if self.holder is not None:
            self.holder.save()

    def heed(self, consent: ConsentId) -> None:
        if self.holder is not None:
            self.holder.heed_stops()
            self.require(self.holder)

    def come(self, consent: ConsentId) -> None:
        self.urgent = urgent(self.profile)
        self.require(self.urgent)

    def stop(self, consent: ConsentId) -> None:
        if self.urgent is not None:
            stop(self.urgent, consent)
            self.stopped.add(consent)

    def die_after_saving(self, consent: ConsentId) -> None:
        """The holder is killed when the state with the stops is on disk, and the notes are there still."""
        if self.holder is not None:
            left = {path: path.read_bytes() for path in notes(self.profile)}
            self.holder.heed_stops()
            for path, data in left.items():
                path.write_bytes(data)
            self.die(consent)

    def require(self, state: SealedState) -> None:
        assert {consent for consent, kept in state.filings.items() if kept.stopped} >= self.stopped


ACTS = [Walk.hold, Walk.die, Walk.save, Walk.heed, Walk.come, Walk.stop, Walk.stop, Walk.die_after_saving]


@settings(max_examples=60, deadline=None)
@given(acts=st.lists(st.tuples(st.sampled_from(ACTS), st.sampled_from(CONSENTS)), max_size=16))
def test_no_accepted_stop_is_ever_lost(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[Callable[[Walk, ConsentId], None], ConsentId]]
) -> None:
    profile = ProfileDir(tmp_path_factory.mktemp("walk") / "alice")
    profile.create()
    with profile.state(IDENTITY) as state:
        state.filings.update(dict.fromkeys(CONSENTS, SHARING))
        state.save()
    walk = Walk(profile)
    for act, consent in acts:
        act(walk, consent)
    walk.die(CONSENTS[0])
    with profile.state(IDENTITY) as state:
        assert {consent for consent, kept in state.filings.items() if kept.stopped} == walk.stopped
    assert notes(profile) == []
