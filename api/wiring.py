"""Opening a gateway: keys, database, log, chain plane and block store, put together once."""

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from api.settings import GatewaySettings
from ledger.canonical import parse_object
from ledger.chain import wallets
from ledger.chain.answers import GWEI
from ledger.chain.deployment import Deployment
from ledger.chain.follower import Follower
from ledger.chain.networks import network_of
from ledger.chain.relayer import Relayer
from ledger.chain.rpc import Rpc
from ledger.ids import did_of
from ledger.log.checkpoint import LogKey, origin_of
from ledger.log.entry import EntryKind
from ledger.log.journal import Draft, Journal
from ledger.policy.model import POLICY
from ledger.records import stores as blockstores
from ledger.service import traffic
from ledger.service.gateway import Gateway, Settings, system_clock
from ledger.service.keptstops import stops_first
from ledger.service.keys import GatewayKeys
from ledger.service.madeup import MadeUpTags, WithMadeUp
from ledger.service.states import PatientStates
from ledger.store.chain import ChainStore
from ledger.store.database import Database, upgrade
from ledger.store.keptstops import KeptStops
from ledger.store.relay import RelayStore
from ledger.store.repositories import Repositories
from ledger.store.vault import FileDataKeys, Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A gateway and what must be closed after it."""

    gateway: Gateway
    database: Database
    rpc: Rpc
    closing: ExitStack

    def close(self) -> None:
        """Release the database, the block store and the connections to the node."""
        self.closing.close()
        self.rpc.close()
        self.database.close()


def open_gateway(
    settings: GatewaySettings,
    *,
    origin: str,
    clock: Callable[[], datetime] = system_clock,
    committed: Callable[[Sequence[Draft]], None] = lambda _: None,
) -> Opened:
    """Open (on first use: create) the gateway in the state directory; `committed` is as for `Journal`.

    Raises:
        ChainUnreachable: the RPC does not answer or is on another chain than the deployment.
        StoreUnavailable, KeyLocked: the state directory is not usable.
        InvalidInput: the setting `blocks` names no place.
    """
    deployment = Deployment.from_json(parse_object(settings.deployment.read_bytes()))
    keys = GatewayKeys.create(settings.state / "keys")
    upgrade(settings.database)
    database = Database(settings.database)
    data_keys = WithMadeUp(
        FileDataKeys(settings.state / "datakeys", keys.wrapping_key), MadeUpTags(keys.made_up_tags)
    )
    vault = Vault(data_keys, keys.log_data_key)
    stores = Repositories.on(vault)
    log_key = LogKey(origin_of(deployment.chain_id, deployment.anchor, keys.relayer.address), keys.log_seed)
    rpc = Rpc(settings.rpc_urls)
    follower = Follower(rpc, deployment, ChainStore(database), clock=clock)
    closing = ExitStack()
    kept_stops = KeptStops(settings.state / "stops")
    closing.callback(kept_stops.close)
    delay = traffic.delay_on(deployment.chain_id, settings.relay_delay)
    gateway = Gateway(
        settings=Settings(
            origin=origin,
            level=settings.level,
            max_head_age=(
                network_of(deployment.chain_id).head_age
                if settings.max_head_age == "auto"
                else settings.max_head_age
            ),
            relay_delay=delay,
            anchor_interval=settings.anchor_interval,
            key_backup_days=settings.key_backup_days,
            acts_per_hour=settings.relay_acts_per_hour,
            emergencies_per_day=settings.emergencies_per_day,
            review_days=settings.review_days,
            webhook_allow=settings.webhook_authorities,
        ),
        deployment=deployment,
        keys=keys,
        db=database,
        data_keys=data_keys,
        journal=Journal(
            database, vault, log_key, clock=clock, admit=stops_first(kept_stops), committed=committed
        ),
        follower=follower,
        relayer=Relayer(
            rpc,
            RelayStore(database),
            keys.relayer,
            chain_id=deployment.chain_id,
            clock=clock,
            batch=settings.relay_batch,
            max_fee=settings.relay_max_fee * GWEI,
            depth=traffic.depth_on(deployment.chain_id, delay),
            gas_per_day=settings.relay_gas_per_day,
            is_shown=partial(traffic.is_shown, follower.index),
        ),
        blocks=closing.enter_context(
            blockstores.opened(
                settings.block_places,
                factor=settings.blocks_factor,
                token_file=settings.blocks_token_file,
            )
        ),
        stores=stores,
        states=PatientStates(
            database, stores, lambda account: keys.look_up(did_of(deployment.chain_id, account))
        ),
        kept_stops=kept_stops,
        randomness=os.urandom,
        wallet_takes=partial(wallets.takes, rpc),
        clock=clock,
    )
    with database.write() as connection:
        stores.patients.blind_names(connection)
    _open_log(gateway)
    return Opened(gateway=gateway, database=database, rpc=rpc, closing=closing)


def _open_log(gateway: Gateway) -> None:
    """The first entry names what every verifier must know of this log."""
    if gateway.journal.size or gateway.journal.damage:
        return
    deployment = gateway.deployment
    gateway.append(
        EntryKind.LOG_OPENED,
        head=gateway.last_head(),
        origin=gateway.journal.origin,
        log_key=gateway.journal.verifier,
        chain_id=deployment.chain_id,
        registry=deployment.registry,
        directory=deployment.directory,
        anchor=deployment.anchor,
        policy=POLICY,
        level=gateway.settings.level,
        max_head_age=gateway.settings.max_head_age,
    )
