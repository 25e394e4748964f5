"""What a client remembers comes back whole, to its own identity only."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.canonical import canonical, parse_object, unb64
from ledger.client.ports import KeptFiling, SealedTo
from ledger.client.state import SealedState
from ledger.crypto.identity import Identity
from ledger.errors import InvalidInput, KeyLocked
from ledger.ids import ConsentId, did_of

WORDS = "abandon " * 23 + "art"
OTHER = "zoo " * 23 + "vote"


@pytest.fixture(scope="module")
def identity() -> Identity:
    return Identity.from_words(WORDS)


def load(directory: Path, identity: Identity) -> SealedState:
    return SealedState.load(directory / "state.sealed", directory / "receipts", identity)


def filled(directory: Path, identity: Identity) -> SealedState:
    state = load(directory, identity)
    state.next_controller = 3
    state.fingerprint = bytes(range(32))
    state.log_key = "origin+00000000+AAAA"
    state.checkpoint = "origin\n1\nAAAA\n\n— origin AAAA\n"
    did = did_of(31337, identity.account.address)
    state.filings[ConsentId("0x" + "ab" * 32)] = KeptFiling(
        controller=2,
        filing={"statement": "Ünïcode", "epoch": 0},
        sealed=frozenset({SealedTo(bytes(32), 0, did), SealedTo(bytes(32), 1, did)}),
        opened={bytes(32): 1, bytes([7]) * 32: 4},
        taken=True,
        stopped=True,
    )
    return state


def test_an_empty_profile_remembers_nothing(tmp_path: Path, identity: Identity) -> None:
    state = load(tmp_path, identity)
    assert (state.next_controller, state.fingerprint, dict(state.filings)) == (0, None, {})
    assert not (tmp_path / "state.sealed").exists()


def test_what_was_saved_comes_back(tmp_path: Path, identity: Identity) -> None:
    state = filled(tmp_path, identity)
    state.save()
    again = load(tmp_path, identity)
    assert again == state
    assert (tmp_path / "state.sealed").stat().st_mode & 0o777 == 0o600


def test_an_empty_state_comes_back_too(tmp_path: Path, identity: Identity) -> None:
    load(tmp_path, identity).save()
    assert load(tmp_path, identity).fingerprint is None


def test_the_file_tells_nothing_and_differs_each_time(tmp_path: Path, identity: Identity) -> None:
    state = filled(tmp_path, identity)
    state.save()
    first = (tmp_path / "state.sealed").read_bytes()
    state.save()
    assert (tmp_path / "state.sealed").read_bytes() != first
    assert b"statement" not in first
    assert b"did:pkh" not in unb64(parse_object(first)["ciphertext"])


def test_another_identity_cannot_open_it(tmp_path: Path, identity: Identity) -> None:
    filled(tmp_path, identity).save()
    with pytest.raises(KeyLocked):
        load(tmp_path, Identity.from_words(OTHER))


def test_an_altered_file_is_refused(tmp_path: Path, identity: Identity) -> None:
    filled(tmp_path, identity).save()
    path = tmp_path / "state.sealed"
    content = parse_object(path.read_bytes())
    content["ciphertext"] = "AAAA" + content["ciphertext"][4:]
    path.write_bytes(canonical(content))
    with pytest.raises(KeyLocked):
        load(tmp_path, identity)


@pytest.mark.parametrize("text", ["{}", '{"format":"consent-ledger/state-sealed/2"}', "[]", "nonsense"])
def test_what_is_no_state_is_refused(tmp_path: Path, identity: Identity, text: str) -> None:
    (tmp_path / "state.sealed").write_text(text)
    with pytest.raises(InvalidInput):
        load(tmp_path, identity)


def test_the_repr_tells_no_secret(tmp_path: Path, identity: Identity) -> None:
    text = repr(filled(tmp_path, identity))
    assert "statement" not in text
    assert "seed" not in text


def test_receipts_are_files_of_their_own(tmp_path: Path, identity: Identity) -> None:
    load(tmp_path, identity).keep_receipt({"index": 7, "format": "x"})
    path = tmp_path / "receipts" / "7.receipt.json"
    assert parse_object(path.read_bytes()) == {"index": 7, "format": "x"}
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("stopped", [0, "true", None])
def test_a_stop_mark_that_is_no_truth_value_is_refused(
    tmp_path: Path,
    identity: Identity,
    stopped: Any,  # noqa: ANN401
) -> None:
    state = filled(tmp_path, identity)
    (consent,) = state.filings
    state.filings[consent] = replace(state.filings[consent], stopped=stopped)
    state.save()
    with pytest.raises(InvalidInput):
        load(tmp_path, identity)


@pytest.mark.parametrize("opened", [{bytes(32): -1}, {bytes(32): True}, {bytes(32): "0"}, {bytes(31): 0}])
def test_an_opened_epoch_that_is_none_is_refused(
    tmp_path: Path, identity: Identity, opened: dict[bytes, Any]
) -> None:
    state = filled(tmp_path, identity)
    (consent,) = state.filings
    state.filings[consent] = replace(state.filings[consent], opened=opened)
    state.save()
    with pytest.raises(InvalidInput):
        load(tmp_path, identity)
