"""A gateway's relayer from its operator's side: through the database, and a look of its own at the chain."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cli.session import Session, now
from cli.shapes.relayer import (
    ActsPart,
    FeesPart,
    MarkPart,
    NoncesPart,
    RelayerDrained,
    RelayerResumed,
    RelayerStatus,
)

if TYPE_CHECKING:
    from ledger.chain.deployment import Deployment
    from ledger.chain.rpc import Rpc
    from ledger.ids import Address
    from ledger.service.relaying import Report
    from ledger.store.backlog import Backlog
    from ledger.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What an operator works on: the gateway's database, its account, chain and node."""

    database: "Database"
    account: "Address"
    deployment: "Deployment"
    rpc: "Rpc"
    cap: int


@contextmanager
def opened(session: Session, state: Path | None, deployment: Path | None) -> Iterator[Desk]:
    """A gateway's database, whether the gateway runs or not.

    Raises:
        NotFound: there is no gateway in the state directory.
        InvalidInput: a setting is missing or out of bounds.
    """
    from cli.serving import operated
    from ledger.chain.answers import GWEI
    from ledger.chain.deployment import read
    from ledger.chain.rpc import Rpc
    from ledger.service.keys import GatewayKeys
    from ledger.store.database import Database, upgrade

    settings = operated(session, state=state, deployment=deployment).settings
    keys = GatewayKeys.load(settings.state / "keys")
    upgrade(settings.database)
    database, rpc = Database(settings.database), Rpc(settings.rpc_urls)
    try:
        yield Desk(
            database=database,
            account=keys.relayer.address,
            deployment=read(settings.deployment),
            rpc=rpc,
            cap=settings.relay_max_fee * GWEI,
        )
    finally:
        rpc.close()
        database.close()


def status(desk: Desk) -> RelayerStatus:
    """How the relayer stands now."""
    from ledger.service.relaying import report

    moment = now()
    found = report(
        desk.database,
        desk.rpc,
        desk.account,
        chain_id=desk.deployment.chain_id,
        cap=desk.cap,
        now=_milliseconds(moment),
    )
    return _status(found, desk.deployment.chain_id, moment)


def drain(desk: Desk) -> RelayerDrained:
    """Let nothing new go out but stops."""
    from ledger.service import relaying
    from ledger.store.backlog import backlog

    moment = _milliseconds(now())
    relaying.drain(desk.database, now=moment)
    left = backlog(desk.database, moment)
    return RelayerDrained(account=desk.account, acts=_acts(left), stops_waiting=left.stops)


def resume(desk: Desk, *, new_chain: bool) -> RelayerResumed:
    """Let everything go out again."""
    from ledger.service import relaying

    ended = relaying.resume(desk.database, new_chain=new_chain)
    return RelayerResumed(account=desk.account, ended=[str(mark) for mark in ended])


def _status(report: "Report", chain_id: int, moment: datetime) -> RelayerStatus:
    chain, left = report.chain, report.backlog
    faults = [
        MarkPart(name=str(mark), since=_instant(held.since), detail=held.detail)
        for mark, held in report.faults.items()
    ]
    if report.why:
        faults.append(MarkPart(name=report.why, since=_instant(_milliseconds(moment))))
    age = None if left.oldest is None else max(0, (_milliseconds(moment) - left.oldest) // 1000)
    fees = FeesPart(cap=str(report.cap))
    if chain is not None:
        fees = FeesPart(cap=str(report.cap), base_fee=str(chain.base_fee), tip=str(chain.tip))
    return RelayerStatus(
        account=report.account,
        chain_id=chain_id,
        ok=not faults and report.drained is None,
        acts=_acts(left),
        stops_waiting=left.stops,
        oldest_waiting_seconds=age,
        fees=fees,
        faults=faults,
        drained_since=None if report.drained is None else _instant(report.drained.since),
        balance=None if chain is None else str(chain.balance),
        pays_for=None if chain is None else chain.pays_for,
        nonces=None
        if chain is None
        else NoncesPart(chain=chain.nonce, pending=chain.pending, ours=left.next_nonce),
    )


def _acts(left: "Backlog") -> ActsPart:
    from ledger.store.acts import State

    return ActsPart(
        waiting=left.acts[State.INTENDED],
        sent=left.acts[State.SENT],
        seen=left.acts[State.SEEN],
        final=left.acts[State.FINAL],
        failed=left.acts[State.FAILED],
        given_up=left.acts[State.SUPERSEDED],
    )


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _instant(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds // 1000, UTC).isoformat().replace("+00:00", "Z")
