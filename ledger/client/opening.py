"""Opening a profile for work: its identity, its gateway, its chain, its memory, and the people around it."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ledger.chain.deployment import Deployment
from ledger.client.blocks import GatewayBlocks
from ledger.client.config import Config
from ledger.client.contacts import Contacts, resolve_person
from ledger.client.context import Context
from ledger.client.directory import DirectoryView, Listed
from ledger.client.gateway import GatewayClient
from ledger.client.home import ProfileDir
from ledger.client.patient import PatientClient
from ledger.client.ports import ClientState
from ledger.client.provider import ProviderClient
from ledger.crypto.identity import Identity
from ledger.errors import LedgerError
from ledger.ids import Did, did_of
from ledger.parties import Role
from ledger.records import stores
from ledger.records.blocks import BlockStore


@dataclass(slots=True)
class People:
    """Names and abbreviations of people: one's own contacts first, then the directory's participants."""

    contacts: Contacts
    gateway: GatewayClient
    directory: DirectoryView
    _listed: list[Listed] | None = None

    def listing(self) -> list[Listed]:
        """The directory's participants as the chain has them; raises as `DirectoryView.refresh`."""
        if self._listed is None:
            told = self.gateway.participants()
            profiles = {Did(one.participant): one.profile for one in told if one.profile is not None}
            self._listed = self.directory.listing(profiles)
        return self._listed

    def resolve(self, text: str) -> Did:
        """Who is meant; see `contacts.resolve_person`. The directory is asked only if no contact fits."""
        try:
            return resolve_person(text, self.contacts)
        except LedgerError as exc:
            if exc.reason != "unknown_person":
                raise
        return resolve_person(text, self.contacts, self.public_names())

    def public_names(self) -> Mapping[Did, str]:
        """The participants' names as the directory vouches for them, empty for a profile nobody brought."""
        return {one.did: one.profile.name if one.profile else "" for one in self.listing()}

    def names(self, people: Iterable[str]) -> dict[str, str | None]:
        """The name under which each is known here: the directory's, else one's own for them, else None."""
        public = self.public_names()
        return {one: public.get(Did(one)) or self.contacts.name_of(Did(one)) for one in people}


@dataclass(slots=True, kw_only=True)
class Desk:
    """An opened profile."""

    identity: Identity = field(repr=False)
    config: Config
    gateway: GatewayClient
    directory: DirectoryView
    state: ClientState = field(repr=False)
    blocks: BlockStore
    people: People

    @property
    def deployment(self) -> Deployment:
        """The contracts."""
        return self.config.deployment

    @property
    def did(self) -> Did:
        """Whose profile it is."""
        return did_of(self.deployment.chain_id, self.identity.account.address)

    @property
    def context(self) -> Context:
        """The profile's side of its network."""
        return Context(
            identity=self.identity,
            gateway=self.gateway,
            directory=self.directory,
            state=self.state,
            blocks=self.blocks,
        )

    @property
    def patient(self) -> PatientClient:
        """The profile as a patient; nothing is sent yet."""
        return PatientClient(
            identity=self.identity,
            gateway=self.gateway,
            directory=self.directory,
            state=self.state,
            blocks=self.blocks,
        )

    @property
    def provider(self) -> ProviderClient:
        """The profile as a provider; nothing is sent yet."""
        return ProviderClient(
            identity=self.identity,
            gateway=self.gateway,
            directory=self.directory,
            state=self.state,
            blocks=self.blocks,
        )

    def enrolled(self) -> PatientClient:
        """The profile as a patient whom the gateway knows; raises as `PatientClient.enrol`."""
        patient = self.patient
        patient.enrol()
        return patient

    def settled(self) -> PatientClient:
        """The same; and what writers left in the inbox is filed, and sealed for those who may read it.

        Not for stops, which wait for nothing else.

        Raises:
            LedgerError: see `PatientClient.enrol` and `PatientClient.reseal`.
        """
        patient = self.patient
        if patient.enrol().waiting:
            patient.reseal()
        return patient

    def has_role(self, role: Role) -> bool:
        """Whether the directory has this account with a role, suspended or not."""
        state = self.directory.index.participant(self.identity.account.address)
        return state is not None and bool(role & state.roles)


@contextmanager
def open_desk(
    profile: ProfileDir, config: Config, identity: Identity, *, urgent: bool = False
) -> Iterator[Desk]:
    """Open a profile; other commands of the same profile wait until it is closed.

    With `urgent` it waits for none of them, and nothing may be done then but stopping and declining.

    Raises:
        KeyLocked: the profile's memory is of another identity.
        StoreUnavailable: another command keeps it busy.
        InvalidInput: the gateway's address is neither https nor loopback.
    """
    deployment = config.deployment
    gateway = GatewayClient(config.gateway, chain_id=deployment.chain_id, account=identity.account)
    directory = DirectoryView(config.rpc, deployment)
    opened = profile.state_to_stop(identity) if urgent else profile.state(identity)
    with closing(gateway), _blocks(config, gateway) as blocks, opened as state:
        yield Desk(
            identity=identity,
            config=config,
            gateway=gateway,
            directory=directory,
            state=state,
            blocks=blocks,
            people=People(profile.contacts(), gateway, directory),
        )


@contextmanager
def _blocks(config: Config, gateway: GatewayClient) -> Iterator[BlockStore]:
    """Where the profile's network keeps blocks; through the gateway if it does not say."""
    if config.blocks is None:
        yield GatewayBlocks(gateway)
        return
    token_file = None if config.blocks_token_file is None else Path(config.blocks_token_file)
    with stores.opened(config.blocks, factor=config.blocks_factor, token_file=token_file) as blocks:
        yield blocks


@contextmanager
def open_people(profile: ProfileDir, config: Config) -> Iterator[People]:
    """The people around a profile, without unlocking it."""
    gateway = GatewayClient(config.gateway, chain_id=config.deployment.chain_id)
    with closing(gateway):
        yield People(profile.contacts(), gateway, DirectoryView(config.rpc, config.deployment))
