"""A move to another gateway on the command line: show, ask, bring everything, leave, change the profile."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from cli.inputs import read_source
from cli.output import encode
from cli.session import Session
from cli.shapes.base import Shape
from cli.shapes.rights import PatientMoved, PatientMovePlanned, UnopenedPart
from cli.views import rights as view
from ledger.errors import InvalidInput

if TYPE_CHECKING:
    from ledger.client.config import Config
    from ledger.client.opening import Desk

NETWORK_LIMIT = 64 * 1024
ASK = "Move there now?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Where to: the URL of a gateway of the same network, or the network file of one."""

    to: str | None
    network: Path | None
    dry_run: bool


def move(session: Session, wish: Wish) -> tuple[Shape, str]:
    """Show what goes along and, once it is agreed, move; the answer and its text."""
    from ledger.client.handover import arrival
    from ledger.client.opening import open_desk

    waiting = arrival(session.profile)
    done = waiting.settle()
    if done is not None:
        shape = msgspec.json.decode(done, type=PatientMoved)
        return shape, view.moved_text(shape)
    config = _destination(session, wish)
    waiting.place.create()
    with session.desk() as old, open_desk(waiting.place, config, session.identity()) as new:
        plan = _plan(old, config)
        if wish.dry_run:
            return plan, f"{view.move_planned_text(plan)}\n\n{view.STAYING}"
        session.output.show(view.move_planned_text(plan), asked=not session.given.yes)
        session.confirm(ASK)
        shape = _moved(session, old, new)
        former = old.gateway.info().account
    waiting.place.save_config(config)
    waiting.take_over(encode(shape).encode(), former)
    return shape, view.moved_text(shape)


def _moved(session: Session, old: "Desk", new: "Desk") -> PatientMoved:
    from ledger.client import moving
    from ledger.client.own import RUNNING, own_consents

    before, after = old.context, new.context
    moving.arrive(before, after)
    new.enrolled()
    with session.output.progress("Bringing") as progress:
        carried = moving.carry(before, after, progress)
        done = moving.leave(before, after, carried, progress)
    return PatientMoved(
        patient=old.did,
        left=old.config.gateway,
        gateway=new.config.gateway,
        records=done.carried.records,
        unopened=[UnopenedPart(record=root, reason=reason) for root, reason in done.carried.left],
        consents=[one.id for one in own_consents(after) if one.state in RUNNING],
        lapsed=list(done.carried.lapsed),
        log_index=done.index,
    )


def _plan(old: "Desk", config: "Config") -> PatientMovePlanned:
    from ledger.client.own import in_force, own_consents, own_records

    side = old.context
    old.directory.refresh()
    return PatientMovePlanned(
        patient=old.did,
        gateway=old.config.gateway,
        to=config.gateway,
        records=len(own_records(side)),
        consents=len(in_force(side, own_consents(side))),
    )


def _destination(session: Session, wish: Wish) -> "Config":
    """The network as it is afterwards; blocks go through the new gateway unless its file says otherwise.

    Raises:
        InvalidInput: neither a URL nor a file, or both.
    """
    from ledger.client.config import Config

    if (wish.to is None) == (wish.network is None):
        raise InvalidInput(
            "say where to", reason="no_destination", fix="Give --to URL, or --network FILE, and not both."
        )
    if wish.network is not None:
        return Config.parse(read_source(wish.network, limit=NETWORK_LIMIT))
    there = session.config.with_value("gateway", str(wish.to))
    return replace(there, blocks=None, blocks_factor=None, blocks_token_file=None)
