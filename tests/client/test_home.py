"""Where a person's things are."""

from pathlib import Path

import pytest

from ledger.client.config import Config
from ledger.client.home import Home
from ledger.crypto import keystore
from ledger.crypto.identity import Identity
from ledger.errors import InvalidInput, KeyLocked, NotFound

WORDS = "abandon " * 23 + "art"
NETWORK = (
    b'{"deployment":{"anchor":"0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0","block":1,"chain_id":31337,'
    b'"directory":"0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512",'
    b'"registry":"0x5FbDB2315678afecb367f032d93F642f64180aa3"},"format":"consent-ledger/config/1",'
    b'"gateway":"http://127.0.0.1:8440","rpc":"http://127.0.0.1:8545"}\n'
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_the_home_is_given_or_named_or_the_platforms(tmp_path: Path) -> None:
    assert Home.of({"CONSENT_HOME": "/a"}, tmp_path).root == tmp_path
    assert Home.of({"CONSENT_HOME": "/a"}).root == Path("/a")
    assert Home.of({}).root.name == "consent-ledger"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "Alice", "-x", "a" * 41, "a\n"])
def test_names_that_no_profile_has(home: Home, name: str) -> None:
    with pytest.raises(InvalidInput):
        home.profile(name)


def test_a_profile_is_private(home: Home) -> None:
    profile = home.profile("bob")
    profile.create()
    assert profile.name == "bob"
    assert profile.path == home.root / "profiles" / "bob"
    assert profile.path.stat().st_mode & 0o777 == 0o700


def test_a_config_comes_back_byte_for_byte(home: Home) -> None:
    profile = home.profile("alice")
    with pytest.raises(NotFound, match="no network"):
        profile.config()
    profile.save_config(Config.parse(NETWORK))
    assert profile.config_file.read_bytes() == NETWORK
    assert profile.config() == Config.parse(NETWORK)


@pytest.mark.parametrize(
    "change",
    [
        (b"config/1", b"config/2"),
        (b'"gateway":"http://127.0.0.1:8440",', b""),
        (b'"gateway":"http', b'"extra":1,"gateway":"http'),
        (b'"http://127.0.0.1:8545"', b"8545"),
        (b"http://127.0.0.1:8440", b"file:///etc"),
        (b"31337", b'"31337"'),
        (b"0x9fE4", b"0x9fe4"),
    ],
)
def test_what_is_no_config_is_refused(change: tuple[bytes, bytes]) -> None:
    with pytest.raises(InvalidInput):
        Config.parse(NETWORK.replace(*change))


def test_settings_are_changed_one_by_one() -> None:
    config = Config.parse(NETWORK).overridden({"gateway": "https://example.org/", "blocks": "/blocks"})
    assert (config.gateway, config.rpc) == ("https://example.org", "http://127.0.0.1:8545")
    assert config.blocks == "/blocks"
    assert Config.parse(config.encode()) == config
    assert config.with_value("blocks", "").blocks is None


def test_unlocking_wants_an_identity_and_its_passphrase(home: Home) -> None:
    profile = home.profile("alice")
    with pytest.raises(NotFound, match="no identity"):
        profile.unlock("x")
    profile.create()
    keystore.create(profile.keystore, WORDS, "open sesame", 14)
    assert profile.unlock("open sesame").account == Identity.from_words(WORDS).account
    assert profile.account() == Identity.from_words(WORDS).account.address
    with pytest.raises(KeyLocked):
        profile.unlock("sesame")


def test_the_state_is_held_while_it_is_used(home: Home) -> None:
    profile, identity = home.profile("alice"), Identity.from_words(WORDS)
    profile.create()
    with profile.state(identity) as state:
        state.next_controller = 5
        state.save()
    with profile.state(identity) as state:
        assert state.next_controller == 5
