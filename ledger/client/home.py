"""Where a person's things are on their own disk.

::

    <home>/                       $CONSENT_HOME, else the platform's directory for settings
    ├── profiles/<name>/          one per person, mode 0700
    │   ├── config.json           which gateway, which chain
    │   ├── keystore.json         the 24 words under a passphrase
    │   ├── state.sealed          what the client remembers
    │   ├── contacts.json         people by local names
    │   ├── successor/            new words that take over, until they have: see `successor`
    │   ├── moving/               what is known of another gateway, until the patient is there
    │   ├── former/<account>/     what old words had that were given up, and what was known of an old gateway
    │   ├── stops/                stops that have not been taken into state.sealed yet
    │   ├── staged/               records on their way: encrypted, and not yet published
    │   └── receipts/             one file per log entry that this person took part in
    └── stack/                    what `consent up` keeps: chain, gateway, blocks, network.json
"""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ledger.client import files
from ledger.client.config import Config
from ledger.client.contacts import Contacts
from ledger.client.state import SealedState, StopsOnly
from ledger.crypto import keystore
from ledger.crypto.identity import Identity
from ledger.errors import InvalidInput, LedgerError, NotFound
from ledger.ids import Address

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_MOMENT = 1.0
"""How many seconds a stop waits for a command that is about to end."""


@dataclass(frozen=True, slots=True)
class Home:
    """The directory that holds all profiles of this user."""

    root: Path

    @classmethod
    def of(cls, environment: Mapping[str, str], given: Path | None = None) -> "Home":
        """The directory given, else ``CONSENT_HOME``, else the platform's directory for settings."""
        if given is not None or environment.get("CONSENT_HOME"):
            return cls(given or Path(environment["CONSENT_HOME"]))
        import platformdirs

        return cls(platformdirs.user_config_path("consent-ledger"))

    @property
    def stack(self) -> Path:
        """Where `consent up` keeps its state by default."""
        return self.root / "stack"

    @property
    def network(self) -> Path:
        """The network file that `consent up` writes there."""
        return self.stack / "network.json"

    def profile(self, name: str) -> "ProfileDir":
        """The profile of that name, which need not exist; InvalidInput if it cannot be a name."""
        if not _NAME.fullmatch(name):
            raise InvalidInput(
                f"{name!r} cannot be a profile's name",
                reason="bad_profile_name",
                fix="Use lower-case letters, digits, '.', '-' and '_'; at most 40.",
            )
        return ProfileDir(self.root / "profiles" / name)


@dataclass(frozen=True, slots=True)
class ProfileDir:
    """One person's directory."""

    path: Path

    @property
    def name(self) -> str:
        """The profile's name."""
        return self.path.name

    @property
    def config_file(self) -> Path:
        """Which gateway and chain."""
        return self.path / "config.json"

    @property
    def keystore(self) -> Path:
        """The 24 words under a passphrase."""
        return self.path / "keystore.json"

    @property
    def receipts(self) -> Path:
        """One receipt per file."""
        return self.path / "receipts"

    def create(self) -> None:
        """Make the directory, with mode 0700."""
        files.make_private(self.path)

    def config(self) -> Config:
        """Which gateway and chain this profile uses; NotFound tells how to say so."""
        if not self.config_file.exists():
            raise NotFound(
                f"profile {self.name!r} has no network yet",
                reason="no_network",
                fix=f"Name its network file: consent --profile {self.name} config set network FILE",
            )
        return Config.parse(files.read(self.config_file))

    def save_config(self, config: Config) -> None:
        """Write ``config.json``, whole or not at all."""
        self.create()
        files.replace(self.config_file, config.encode())

    def account(self) -> Address:
        """The account of this profile, without unlocking it; raises as `unlock`."""
        self._require_keystore()
        return keystore.account_in(self.keystore)

    def unlock(self, passphrase: str) -> Identity:
        """The identity of this profile.

        Raises:
            NotFound: there is none yet.
            KeyLocked: another passphrase, an altered file, or one that others may use.
        """
        self._require_keystore()
        return keystore.unlock(self.keystore, passphrase)

    def contacts(self) -> Contacts:
        """The contacts of this profile."""
        return Contacts.load(self.path / "contacts.json")

    def save_contacts(self, contacts: Contacts) -> None:
        """Write them, whole or not at all."""
        self.create()
        contacts.save(self.path / "contacts.json")

    @contextmanager
    def state(self, identity: Identity, *, patience: float = 30.0) -> Iterator[SealedState]:
        """What this client remembers, held against other commands of the same profile until the end.

        Raises:
            KeyLocked: the state is of another identity.
            InvalidInput: the state, or a stop noted beside it, was written by nobody or altered.
            StoreUnavailable: another command keeps the profile busy for longer than `patience`, in seconds.
        """
        with files.locked(self.path / ".lock", patience=patience, clock=time.monotonic, pause=time.sleep):
            state = SealedState.load(self.path / "state.sealed", self.receipts, identity)
            state.heed_stops()
            yield state

    @contextmanager
    def state_to_stop(self, identity: Identity) -> Iterator[SealedState]:
        """The same for a command that stops something, which waits for no other: it gets `StopsOnly` then.

        Raises:
            KeyLocked, InvalidInput, StoreUnavailable: the state cannot be read.
        """
        with ExitStack() as held:
            try:
                state = held.enter_context(self.state(identity, patience=_MOMENT))
            except LedgerError:
                state = StopsOnly.load(self.path / "state.sealed", self.receipts, identity)
            yield state

    def _require_keystore(self) -> None:
        if not self.keystore.exists():
            raise NotFound(
                f"profile {self.name!r} has no identity yet",
                reason="no_identity",
                fix=f"Make one: consent --profile {self.name} identity create",
            )
