"""Making, restoring and showing the identity of a profile."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ledger.client import files
from ledger.client.config import Config
from ledger.client.home import Home, ProfileDir
from ledger.crypto import keystore, privatefile
from ledger.crypto.identity import Identity, new_words
from ledger.crypto.sealing import KeyPair
from ledger.errors import Conflict, NotFound
from ledger.ids import Did, did_of
from ledger.parties import Card, VouchedKey

INBOX_EPOCH = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A new identity: its words, to be shown once, and its did if the profile has a network."""

    identity: Identity
    words: str = field(repr=False)
    did: Did | None


def create(
    home: Home,
    profile: ProfileDir,
    passphrase: str,
    *,
    network: Path | None = None,
    words_to: Path | None = None,
    work_factor: int = keystore.WORK_FACTOR,
    randomness: Callable[[int], bytes] = os.urandom,
) -> Made:
    """A new identity in `profile`. Words that go to a file are there before the keystore is.

    Raises:
        Conflict: the profile has an identity, or the file for the words is there already.
        NotFound: no such network file.
        InvalidInput: not a network file, an empty passphrase, a work factor out of bounds.
    """
    words = new_words(randomness)
    config = _prepare(home, profile, network)
    if words_to is None:
        return _keep(profile, config, words, passphrase, work_factor)
    privatefile.create(words_to.absolute(), words.encode("ascii") + b"\n")
    try:
        return _keep(profile, config, words, passphrase, work_factor)
    except BaseException:
        words_to.unlink()
        raise


def restore(
    home: Home,
    profile: ProfileDir,
    passphrase: str,
    *,
    words: str,
    network: Path | None = None,
    work_factor: int = keystore.WORK_FACTOR,
) -> Made:
    """The identity of 24 words in `profile`; raises as `create`, and InvalidInput for words that are none."""
    return _keep(profile, _prepare(home, profile, network), words, passphrase, work_factor)


def did_of_profile(profile: ProfileDir) -> Did | None:
    """The did of a profile, without unlocking it; None while it has no network."""
    account = profile.account()
    return did_of(profile.config().deployment.chain_id, account) if profile.config_file.exists() else None


def make_card(profile: ProfileDir, config: Config, identity: Identity, name: str | None) -> Card:
    """A signed card with the inbox key, to which others may seal before they know a compartment's key."""
    deployment = config.deployment
    key = KeyPair.from_secret(identity.inbox_secret(INBOX_EPOCH)).public
    inbox = VouchedKey.inbox(
        identity.account,
        key,
        epoch=INBOX_EPOCH,
        chain_id=deployment.chain_id,
        registry=deployment.registry,
    )
    did = did_of(deployment.chain_id, identity.account.address)
    return Card.sign(did, identity.account, name=name, inbox=inbox)


def _prepare(home: Home, profile: ProfileDir, network: Path | None) -> Config | None:
    if profile.keystore.exists():
        raise Conflict(
            f"profile {profile.name!r} has an identity already",
            reason="identity_exists",
            fix="Choose another profile with --profile NAME.",
        )
    source = network or home.network
    if network is None and not source.exists():
        return None
    if not source.exists():
        raise NotFound(
            f"there is no file {source}", reason="file_missing", fix="Name the network.json of the network."
        )
    return Config.parse(files.read(source))


def _keep(profile: ProfileDir, config: Config | None, words: str, passphrase: str, work_factor: int) -> Made:
    profile.create()
    identity = keystore.create(profile.keystore, words, passphrase, work_factor)
    if config is None:
        return Made(identity=identity, words=words, did=None)
    profile.save_config(config)
    did = did_of(config.deployment.chain_id, identity.account.address)
    return Made(identity=identity, words=words, did=did)
