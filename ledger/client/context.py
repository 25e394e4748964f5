"""What every act of a client is made of: who acts, at which gateway, on which chain, remembering what."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from ledger.chain.deployment import Deployment
from ledger.client.directory import DirectoryView
from ledger.client.gateway import GatewayClient, system_clock
from ledger.client.ports import ClientState
from ledger.client.receipts import LogWatch
from ledger.crypto.identity import Account, Identity
from ledger.crypto.typed import Domain, consent_domain, gateway_domain, records_domain
from ledger.ids import Did, did_of
from ledger.records.blocks import BlockStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One person's side of one network. Deriving accounts is slow, so it is done once, here."""

    identity: Identity
    gateway: GatewayClient
    directory: DirectoryView
    state: ClientState
    blocks: BlockStore
    randomness: Callable[[int], bytes] = os.urandom
    clock: Callable[[], datetime] = system_clock
    account: Account = field(init=False)
    tag: bytes = field(init=False)
    log: LogWatch = field(init=False)

    def __post_init__(self) -> None:
        """Derive the account and, from the erasure key, the tag of one's log entries."""
        object.__setattr__(self, "account", self.identity.account)
        object.__setattr__(self, "tag", bytes.fromhex(self.identity.erasure.address[2:]))
        object.__setattr__(self, "log", LogWatch(self.gateway, self.deployment, self.state))

    @property
    def deployment(self) -> Deployment:
        """The contracts of the network."""
        return self.directory.deployment

    @property
    def did(self) -> Did:
        """Who acts."""
        return did_of(self.deployment.chain_id, self.account.address)

    @property
    def consent_domain(self) -> Domain:
        """EIP-712 domain of consents."""
        return consent_domain(self.deployment.chain_id, self.deployment.registry)

    @property
    def records_domain(self) -> Domain:
        """EIP-712 domain of keys, publications and capsule lists."""
        return records_domain(self.deployment.chain_id, self.deployment.registry)

    @property
    def gateway_domain(self) -> Domain:
        """EIP-712 domain of access requests."""
        return gateway_domain(self.deployment.chain_id)
