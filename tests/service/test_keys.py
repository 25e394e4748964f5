"""The gateway's key files."""

from pathlib import Path

import pytest

from ledger.errors import InvalidInput, KeyLocked
from ledger.service.keys import NAMES, GatewayKeys


def test_keys_are_made_once_and_stay(tmp_path: Path) -> None:
    first = GatewayKeys.create(tmp_path / "keys")
    again = GatewayKeys.create(tmp_path / "keys")
    assert first == again
    assert {path.name for path in (tmp_path / "keys").iterdir()} == set(NAMES)
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in (tmp_path / "keys").iterdir())


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    GatewayKeys.create(tmp_path)
    (tmp_path / "log.key").chmod(0o640)
    with pytest.raises(KeyLocked):
        GatewayKeys.load(tmp_path)


def test_a_truncated_key_file_is_refused(tmp_path: Path) -> None:
    GatewayKeys.create(tmp_path)
    (tmp_path / "data.key").write_text("0x00\n")
    with pytest.raises(InvalidInput):
        GatewayKeys.load(tmp_path)


def test_derived_keys_differ_from_one_another_and_between_gateways(tmp_path: Path) -> None:
    one, other = GatewayKeys.create(tmp_path / "one"), GatewayKeys.create(tmp_path / "other")
    person = "did:pkh:eip155:31337:0x9858EfFD232B4033E47d90003D41EC34EcaEda94"
    derived = {
        one.log_data_key,
        one.wrapping_key,
        one.look_up(person),
        one.look_up("phantom:" + person),
        one.hash_token(person),
        other.look_up(person),
        other.wrapping_key,
    }
    assert len(derived) == 7
    assert one.look_up(person) == one.look_up(person)


def test_secrets_do_not_show_in_the_repr(tmp_path: Path) -> None:
    keys = GatewayKeys.create(tmp_path)
    shown = repr(keys)
    for name in NAMES:
        assert (tmp_path / name).read_text().strip()[2:] not in shown
    assert keys.token_key.hex() not in shown
