"""What an operator's `consent doctor` looks at on the gateway's own machine, whether the gateway runs or not.

Nothing is changed: no file is made, no table is brought to a newer version.
"""

import shutil
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

from alembic.config import Config as Alembic
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import func, select

from api.settings import GatewaySettings
from ledger.canonical import parse_object
from ledger.chain.answers import GWEI
from ledger.chain.deployment import Deployment
from ledger.chain.fitness import compare, examine
from ledger.chain.networks import network_of
from ledger.chain.rpc import Rpc
from ledger.client.gateway import GatewayClient
from ledger.client.health import Check, check
from ledger.crypto import privatefile
from ledger.errors import EnvironmentFault, StoreUnavailable
from ledger.records import stores
from ledger.records.replication import ReplicatedBlockStore
from ledger.service import backups, relaying
from ledger.service.keys import NAMES, GatewayKeys
from ledger.store import copies
from ledger.store.acts import State
from ledger.store.database import Database
from ledger.store.tables import anchors, emergencies, log_entries, submissions

FREE = 1 << 30
"""Bytes that a disk should have left."""
FUNDED = 100
"""Acts that the relayer should be able to pay for."""
DAY = 86_400
BACKED_UP = 2 * DAY
"""How old the newest backup of the database may be."""
LATE = 10
"""After how many intervals an anchor is overdue."""


def examine_gateway(settings: GatewaySettings, now: Callable[[], float] = time.time) -> list[Check]:
    """Every part that a gateway depends on; a failure is an answer here, not an error."""
    deployment = Deployment.from_json(parse_object(settings.deployment.read_bytes()))
    looks: dict[str, Callable[[], str]] = {
        "serving": partial(_serving, settings, deployment),
        "keys": partial(_keys, settings),
        "disk": partial(_disk, settings.state),
        "database": partial(_database, settings.database),
        "nodes": partial(_nodes, settings, deployment, now),
        "relayer": partial(_relayer, settings, deployment, now),
        "blocks": partial(_blocks, settings),
        "anchors": partial(_anchors, settings, now),
        "reviews": partial(_reviews, settings.database, now),
        "backups": partial(_backups, settings, now),
    }
    return [check(name, look) for name, look in looks.items()]


def _serving(settings: GatewaySettings, deployment: Deployment) -> str:
    if not settings.public_url and not settings.port:
        return "the port is chosen at each start, so nobody is asked"
    url = settings.public_url or f"http://{settings.host}:{settings.port}"
    with GatewayClient(url, chain_id=deployment.chain_id) as gateway:
        gateway.ready()
    return f"{url} is ready"


def _keys(settings: GatewaySettings) -> str:
    for name in NAMES:
        privatefile.read(settings.state / "keys" / name)
    return f"account {GatewayKeys.load(settings.state / 'keys').relayer.address}"


def _disk(state: Path) -> str:
    try:
        free = shutil.disk_usage(state).free
    except OSError as exc:
        raise StoreUnavailable("the state directory cannot be read", reason="disk") from exc
    if free < FREE:
        raise StoreUnavailable(f"only {free >> 20} MiB are left on its disk", reason="disk_full")
    return f"{free >> 30} GiB are left"


def _database(url: str) -> str:
    """Whether it answers, and its tables are of this version."""
    script = Alembic()
    script.set_main_option("script_location", "ledger.store:migrations")
    newest = ScriptDirectory.from_config(script).get_current_head()
    with closing(_opened(url)) as database, database.read() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    if found != newest:
        raise StoreUnavailable(
            f"its tables are of version {found}, this program's of {newest}; they change at the next start",
            reason="other_version",
        )
    return f"{copies.kind_of(url)}, tables of version {found}"


def _nodes(settings: GatewaySettings, deployment: Deployment, now: Callable[[], float]) -> str:
    """Whether every node is fit, they agree, and this machine's clock is that of the chain."""
    apart = [Rpc(url) for url in settings.rpc_urls]
    try:
        found = [(rpc, examine(rpc, now=now(), deployment=deployment)) for rpc in apart]
        wrong = [one.found for _, each in found for one in each.findings if one.verdict == "unfit"]
        agreement = compare(found)
        if agreement is not None and agreement.verdict != "ok":
            wrong.append(agreement.found)
        head = next((head for rpc in apart if (head := rpc.block("latest")) is not None), None)
    finally:
        for rpc in apart:
            rpc.close()
    limit = settings.max_head_age
    most = network_of(deployment.chain_id).head_age if limit == "auto" else limit
    age = None if head is None else now() - head.timestamp
    if age is None or not -most <= age <= most:
        wrong.append("the head is not of this minute: node or clock is behind")
    if wrong:
        raise EnvironmentFault("; ".join(wrong), reason="node_unfit")
    return f"{len(found)} fit, the head is {age:.0f} s old"


def _relayer(settings: GatewaySettings, deployment: Deployment, now: Callable[[], float]) -> str:
    account = GatewayKeys.load(settings.state / "keys").relayer.address
    with closing(_opened(settings.database)) as database, closing(Rpc(settings.rpc_urls)) as rpc:
        found = relaying.report(
            database,
            rpc,
            account,
            chain_id=deployment.chain_id,
            cap=settings.relay_max_fee * GWEI,
            now=int(now() * 1000),
        )
    wrong = [*(str(mark) for mark in found.faults), *([found.why] if found.why else [])]
    if found.drained is not None:
        wrong.append("drained")
    if found.chain is not None and found.chain.pays_for < FUNDED:
        wrong.append(f"its ether pays for {found.chain.pays_for} acts only")
    if wrong:
        raise EnvironmentFault(f"{'; '.join(wrong)} (consent relayer status)", reason="relayer")
    return f"pays for {'' if found.chain is None else found.chain.pays_for} acts"


def _blocks(settings: GatewaySettings) -> str:
    """Every place answers, not only as many as must."""
    places = stores.places(settings.block_places)
    for place in places:
        if not stores.is_url(place) and not Path(place).is_dir():
            raise StoreUnavailable(f"there is no directory {place}", reason="blocks")
    wanted = {"factor": settings.blocks_factor, "token_file": settings.blocks_token_file}
    with stores.opened(settings.block_places, **wanted) as store:  # type: ignore[arg-type]
        for one in store.stores if isinstance(store, ReplicatedBlockStore) else (store,):
            stores.require_usable(one)
    return f"{len(places)} of {len(places)} places answer"


def _anchors(settings: GatewaySettings, now: Callable[[], float]) -> str:
    """How much of the log is in an anchor that a block holds, and since when."""
    arrived = submissions.c.state.in_((State.SEEN, State.FINAL))
    last = select(func.max(anchors.c.size)).join(submissions, submissions.c.id == anchors.c.submission)
    sent = select(func.max(submissions.c.created)).where((submissions.c.kind == "anchor") & arrived)
    with closing(_opened(settings.database)) as database, database.read() as connection:
        size = connection.execute(select(func.count()).select_from(log_entries)).scalar_one()
        covered = connection.execute(last.where(arrived)).scalar() or 0
        at = connection.execute(sent).scalar()
    age = None if at is None else now() - at / 1000
    told = f"{max(0, size - covered)} of {size} entries are not anchored"
    if size > covered and (age is None or age > LATE * settings.anchor_interval):
        raise EnvironmentFault(
            f"{told}, though that is overdue (consent relayer status)", reason="anchor_overdue"
        )
    return told


def _reviews(url: str, now: Callable[[], float]) -> str:
    waiting = select(func.count()).select_from(emergencies).where(emergencies.c.reviewed.is_(None))
    with closing(_opened(url)) as database, database.read() as connection:
        left = connection.execute(waiting).scalar_one()
        overdue = connection.execute(waiting.where(emergencies.c.due <= int(now() * 1000))).scalar_one()
    if overdue:
        raise EnvironmentFault(f"{overdue} of {left} reviews of emergencies are overdue", reason="overdue")
    return f"{left} emergencies to review"


def _backups(settings: GatewaySettings, now: Callable[[], float]) -> str:
    found = backups.noted(settings.state)
    ages = {name: now() - at / 1000 for name, at in found.items()}
    most = {"database": BACKED_UP, "keys": max(settings.key_backup_days, 1) * DAY}
    wrong = [name for name, limit in most.items() if ages.get(name, limit + 1) > limit]
    if wrong:
        never = ", ".join(f"{name} {_ago(ages.get(name))}" for name in wrong)
        raise EnvironmentFault(f"last backed up: {never} (consent gateway backup)", reason="backup_old")
    return ", ".join(f"{name} {_ago(ages[name])}" for name in sorted(most))


def _ago(age: float | None) -> str:
    return "never" if age is None else f"{age / 3600:.0f} h ago"


def _opened(url: str) -> Database:
    """The database, unless opening would make it."""
    if copies.kind_of(url) == copies.SQLITE and not copies.file_of(url).exists():
        raise StoreUnavailable("there is no database yet: consent serve makes it", reason="database_missing")
    return Database(url)
