"""A gateway without a chain: database, keys and log are real; the directory is what a test says it is."""

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from ledger.chain.deployment import Deployment
from ledger.crypto.identity import Account
from ledger.ids import Address
from ledger.log.checkpoint import LogKey
from ledger.log.journal import Journal
from ledger.parties import Role
from ledger.service.gateway import Gateway, Settings, system_clock
from ledger.service.keys import GatewayKeys
from ledger.service.states import PatientStates
from ledger.store.database import Database
from ledger.store.keptstops import KeptStops
from ledger.store.repositories import Repositories
from ledger.store.vault import FileDataKeys, Vault

ORIGIN = "https://gateway.hospital.com"
NOWHERE = Address("0x5FbDB2315678afecb367f032d93F642f64180aa3")


@dataclass
class Said:
    """What the directory says of a participant."""

    roles: Role
    suspended: bool


@dataclass
class Directory:
    """An index of the chain that knows of participants and of one block."""

    suspended: set[Address] = field(default_factory=set)
    lock: Any = field(default_factory=threading.RLock)

    def head(self, _level: str) -> Any:  # noqa: ANN401
        return cast(Any, type("Header", (), {"number": 1, "hash": "0x" + "0" * 64, "timestamp": 1}))

    def participant(self, account: Address, _number: int) -> Said:
        return Said(roles=Role.PROVIDER, suspended=account in self.suspended)


@dataclass
class Follower:
    """Follows nothing."""

    index: Directory = field(default_factory=Directory)


def quiet_gateway(state: Path, database_url: str, allow: frozenset[str] = frozenset()) -> Gateway:
    """A gateway on a database that has its tables; the same directory gives the same keys."""
    keys = GatewayKeys.create(state / "keys")
    db = Database(database_url)
    data_keys = FileDataKeys(state / "datakeys", keys.wrapping_key)
    vault = Vault(data_keys, keys.log_data_key)
    stores = Repositories.on(vault)
    deployment = Deployment(chain_id=31337, registry=NOWHERE, directory=NOWHERE, anchor=NOWHERE, block=1)
    return Gateway(
        settings=Settings(origin=ORIGIN, webhook_allow=allow),
        deployment=deployment,
        keys=keys,
        db=db,
        data_keys=data_keys,
        kept_stops=KeptStops(state / "stops"),
        journal=Journal(db, vault, LogKey("quiet", keys.log_seed), clock=system_clock),
        follower=cast(Any, Follower()),
        relayer=cast(Any, None),
        blocks=cast(Any, None),
        stores=stores,
        states=PatientStates(db, stores, keys.look_up),
        randomness=os.urandom,
        wallet_takes=lambda *_: False,
        clock=system_clock,
    )


def provider() -> Address:
    """The account of somebody new."""
    return Account.from_key(os.urandom(32)).address
