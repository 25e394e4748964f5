"""The new words of a profile whose keys are changed: beside the old ones at first, then in their place.

They wait in ``successor/`` (see `handover`), with what their client remembers, and with ``estate.sealed``:
what the old account had, sealed under the new words. The old words are kept: they open the old receipts.
"""

import os
from collections.abc import Callable
from pathlib import Path

from ledger.client import files
from ledger.client.atrest import Sealer
from ledger.client.config import Config
from ledger.client.handover import Handover
from ledger.client.home import ProfileDir
from ledger.client.succession import Estate
from ledger.crypto import keystore, privatefile
from ledger.crypto.identity import Identity, new_words
from ledger.parties.succession import parse_change

SEALED = "consent-ledger/estate-sealed/1"
OUTCOME = "changed.json"
PLACES = ("keystore.json", "state.sealed", "receipts", "staged", "stops", OUTCOME)


class Successor:
    """The change of keys of one profile, as far as it has come."""

    def __init__(self, profile: ProfileDir) -> None:
        """Nothing is read yet."""
        self._profile = profile
        self._handover = Handover(profile, "successor", PLACES, OUTCOME)
        self.place = self._handover.place

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

    def take_over(self, outcome: bytes) -> None:
        """Put the new words in the place of the old; see `Handover.take_over`."""
        self._handover.take_over(outcome, self._profile.account())

    def settle(self) -> bytes | None:
        """See `Handover.settle`."""
        return self._handover.settle()

    @property
    def _estate(self) -> Path:
        return self.place.path / "estate.sealed"
