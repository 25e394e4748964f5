"""The new words of a profile whose keys are changed: beside the old ones at first, then in their place.

::

    <profile>/successor/     keystore.json, and what its client remembers, as in any profile
    ├── estate.sealed        what the old account had, sealed under the new words
    └── leaving, entering    while files change places, which goes on after a crash
    <profile>/former/<account>/

The old files leave first, all of them; then the new ones enter. Nothing of the old words is thrown away: they
still open the old receipts.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from ledger import durable
from ledger.client import files
from ledger.client.atrest import Sealer
from ledger.client.config import Config
from ledger.client.home import ProfileDir
from ledger.client.succession import Estate
from ledger.crypto import keystore, privatefile
from ledger.crypto.identity import Identity, new_words
from ledger.parties.succession import parse_change

SEALED = "consent-ledger/estate-sealed/1"
OUTCOME = "changed.json"
_PLACES = ("keystore.json", "state.sealed", "receipts", "staged", "stops", OUTCOME)


class Successor:
    """The change of keys of one profile, as far as it has come."""

    def __init__(self, profile: ProfileDir) -> None:
        """Nothing is read yet."""
        self._profile = profile
        self.place = ProfileDir(profile.path / "successor")

    @property
    def begun(self) -> bool:
        """Whether there are new words."""
        return self.place.keystore.exists()

    def create(
        self,
        config: Config,
        passphrase: str,
        *,
        words_to: Path | None,
        work_factor: int = keystore.WORK_FACTOR,
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> tuple[Identity, str]:
        """New words, and the identity of them. Words that go to a file are there before the keystore is.

        Raises:
            Conflict: the file for the words is there already.
            InvalidInput: an empty passphrase, a work factor out of bounds.
        """
        words = new_words(randomness)
        self.place.save_config(config)
        if words_to is None:
            return keystore.create(self.place.keystore, words, passphrase, work_factor), words
        privatefile.create(words_to.absolute(), words.encode("ascii") + b"\n")
        try:
            return keystore.create(self.place.keystore, words, passphrase, work_factor), words
        except BaseException:
            words_to.unlink()
            raise

    def keep(self, identity: Identity, estate: Estate) -> None:
        """Remember durably what the old account had."""
        files.replace(self._estate, Sealer(SEALED, identity).seal(estate.to_json()))

    def kept(self, identity: Identity) -> Estate | None:
        """What the old account had, if that was gathered."""
        if not self._estate.exists():
            return None
        return Estate.from_json(Sealer(SEALED, identity).open(files.read(self._estate)), parse_change)

    def take_over(self, outcome: bytes) -> Path:
        """Put the new words in the place of the old; where the old ones are then.

        `outcome` is kept beside them, for whoever asks again.
        """
        files.replace(self.place.path / OUTCOME, outcome)
        files.replace(self._leaving, self._profile.account().encode("ascii"))
        return self._change_places()

    def settle(self) -> bytes | None:
        """Finish taking over, if that was broken off; the outcome then."""
        if not (self._leaving.exists() or self._entering.exists()):
            return None
        self._change_places()
        return files.read(self._profile.path / OUTCOME)

    def _change_places(self) -> Path:
        marker = self._leaving if self._leaving.exists() else self._entering
        former = self._profile.path / "former" / files.read(marker).decode("ascii")
        files.make_private(former)
        if self._leaving.exists():
            self._move(self._profile.path, former)
            files.replace(self._entering, self._leaving.read_bytes())
            self._leaving.unlink()
        self._move(self.place.path, self._profile.path)
        self._entering.unlink()
        shutil.rmtree(self.place.path)
        return former

    @staticmethod
    def _move(source: Path, target: Path) -> None:
        for name in _PLACES:
            if (source / name).exists():
                (source / name).rename(target / name)
        for directory in (source, target):
            durable.sync_directory(directory)

    @property
    def _estate(self) -> Path:
        return self.place.path / "estate.sealed"

    @property
    def _leaving(self) -> Path:
        return self.place.path / "leaving"

    @property
    def _entering(self) -> Path:
        return self.place.path / "entering"
