"""From a patient's wish to be erased to the statement of what is left: show, ask, stop, erase, prove.

What was ordered is kept in the profile before the gateway hears of it. So the same command again, after a
crash or a lost answer, takes up what became of that order instead of giving a new one.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from cli import prompts
from cli.output import encode
from cli.session import Session
from cli.shapes.base import Part, Shape
from cli.shapes.erasing import (
    ErasedCounts,
    ErasurePlanned,
    HolderPart,
    LeftChoicePart,
    LogReaderPart,
    PatientErased,
    PatientErasedByOrder,
    RemainsPart,
)
from cli.views import erasing as view
from ledger.canonical import hexed
from ledger.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from api.settings import GatewaySettings
    from ledger.client.erasing import Erased, Order, Prospect
    from ledger.client.opening import Desk

PATIENCE = 10.0
"""Seconds for the gateway to throw all blocks away; afterwards the statement says that some are left."""

ERASE = "Erase all this? Nobody can bring it back."
ERASE_BY_ORDER = "Erase this patient? Nobody can bring it back."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How it was asked for: ``name`` is the profile's, as typed; ``statement`` a file for the text."""

    dry_run: bool
    name: str | None
    statement: Path | None
    spread: bool


class Kept(Part, frozen=True, kw_only=True):
    """``erasure.json`` in the profile: an order that was given, and what was known when it was."""

    size: int
    signature: str
    plan: ErasurePlanned


def erase(session: Session, desk: "Desk", wish: Wish) -> tuple[Shape, str]:
    """Show what goes and what stays and, once the name is typed, do it; the answer and its text."""
    if wish.statement is not None and not wish.statement.absolute().parent.is_dir():
        raise InvalidInput(
            f"there is no folder for {wish.statement}; nothing was done",
            reason="no_folder",
            fix="Make the folder first, or name another file.",
        )
    done = None if wish.dry_run else _taken_up(session, desk)
    if done is None:
        plan = planned(desk, session.profile.path)
        if wish.dry_run:
            return plan, f"{view.planned_text(plan)}\n\n{view.NOT_YET}"
        session.output.show(view.planned_text(plan), asked=wish.name is None)
        prompts.confirm_name(session.given, ERASE, session.profile.name, wish.name)
        _stop(session, desk, plan.running, spread=wish.spread)
        done = _ordered(session, desk)
    shape = _statement(session, desk, *done)
    return shape, _kept_text(session, shape, wish.statement)


def by_order(
    session: Session, settings: "GatewaySettings", patient: str, *, order: str, confirmed: str | None
) -> PatientErasedByOrder:
    """Open a gateway that does not run, and erase one of its patients by a legal order.

    Raises:
        NotFound: no such patient is enrolled there.
        InvalidInput: the order has no name.
        Declined: the operator did not type the did.
    """
    from api.wiring import open_gateway
    from ledger.service import erasure
    from ledger.service.erasedblocks import let_go
    from ledger.service.gateway import Gateway
    from ledger.service.states import PatientState

    def act(gateway: Gateway, state: PatientState) -> PatientErasedByOrder:
        running = erasure.running(gateway, state)
        erasure.erase_by_order(gateway, state, order=order)
        let_go(gateway)
        done = erasure.outcome(gateway, state.tag)
        return PatientErasedByOrder(
            patient=patient,
            order=order,
            tag=hexed(state.tag),
            log_index=done.index,
            at=done.at,
            keys_until=done.keys_until,
            blocks_left=done.blocks_left,
            blocks_kept=done.blocks_kept,
            on_chain=running,
        )

    opened = open_gateway(settings, origin=settings.public_url or f"http://{settings.host}")
    try:
        gateway = opened.gateway
        account = gateway.account_of(patient)
        gateway.states.need(account)
        prompts.confirm_name(session.given, ERASE_BY_ORDER, patient, confirmed)
        return gateway.states.sequenced(account, lambda state: act(gateway, state))
    finally:
        opened.close()


def planned(desk: "Desk", profile: Path) -> ErasurePlanned:
    """What an erasure would do now, as data."""
    from ledger.client.erasing import running

    prospect = desk.patient.erasure_prospect()
    told = prospect.told
    return ErasurePlanned(
        patient=desk.did,
        gateway=desk.config.gateway,
        key_backup_days=told.key_backup_days,
        running=list(running(prospect)),
        destroys=ErasedCounts(
            records=told.records,
            consents=told.consents,
            capsules=told.capsules,
            compartments=told.compartments,
            requests=told.requests,
            entries=told.entries,
        ),
        remains=_remains(desk, prospect, profile),
    )


def _remains(desk: "Desk", prospect: "Prospect", profile: Path) -> RemainsPart:
    from cli.shapes.consents import PersonPart

    people = [one.did for one in prospect.holders] + [one.reader for one in prospect.readers]
    persons = {did: PersonPart(did=did, name=name) for did, name in desk.people.names(people).items()}
    return RemainsPart(
        holders=[
            HolderPart(person=persons[one.did], records=one.records, times=one.times, last=one.last or None)
            for one in prospect.holders
        ],
        auditors=[LogReaderPart(person=persons[one.reader], time=one.time) for one in prospect.readers],
        on_chain=[LeftChoicePart(consent=one.id, on_chain=str(one.on_chain)) for one in prospect.consents],
        entries=prospect.told.entries,
        asked_before=prospect.told.asked_before,
        retained=0,
        profile=str(profile),
    )


def _stop(session: Session, desk: "Desk", running: list[str], *, spread: bool) -> None:
    """Stop every consent that runs; if one cannot be stopped, nothing is erased."""
    from ledger.ids import ConsentId

    with session.output.progress("Stopping") as progress:
        for number, consent in enumerate(running, start=1):
            desk.patient.revoke(ConsentId(consent), spread=spread)
            progress(number, len(running))
    if running:
        session.output.talk(f"Stopped: {len(running)}. Erasing.")


def _ordered(session: Session, desk: "Desk") -> "tuple[ErasurePlanned, Erased]":
    """Order the erasure, each order kept before it is sent; what was known then, and what became of it."""
    from ledger.client import files

    plan = planned(desk, session.profile.path)

    def remember(order: "Order") -> None:
        kept = Kept(size=order.size, signature=order.signature, plan=plan)
        files.replace(_file(session), msgspec.json.encode(kept))

    return plan, desk.patient.erase(remember, patience=PATIENCE)


def _taken_up(session: Session, desk: "Desk") -> "tuple[ErasurePlanned, Erased] | None":
    """What became of an order that was given before; None if none was, or if it did nothing.

    While the gateway knows the patient, the order did nothing, and is not sent again without being asked for.
    """
    from ledger.client import files
    from ledger.client.erasing import Order

    if not _file(session).exists() or _is_known(desk):
        return None
    kept = msgspec.json.decode(files.read(_file(session)), type=Kept)
    order = Order(size=kept.size, signature=kept.signature)
    return kept.plan, desk.patient.erased_by(order, patience=PATIENCE)


def _is_known(desk: "Desk") -> bool:
    try:
        desk.gateway.patient()
    except NotFound:
        return False
    return True


def _statement(session: Session, desk: "Desk", plan: ErasurePlanned, erased: "Erased") -> PatientErased:
    return PatientErased(
        patient=plan.patient,
        gateway=plan.gateway,
        tag=hexed(bytes.fromhex(desk.identity.erasure.address[2:])),
        at=erased.at,
        keys_until=erased.keys_until,
        blocks_left=erased.blocks_left,
        blocks_kept=erased.blocks_kept,
        log_index=erased.index,
        receipt=str(session.profile.receipts / f"{erased.index}.receipt.json"),
        destroyed=plan.destroys,
        remains=plan.remains,
    )


def _kept_text(session: Session, shape: PatientErased, more: Path | None) -> str:
    """The text of a statement, kept in the profile as text and as data, and where else it is wanted."""
    from ledger.client import files

    text = view.erased_text(shape)
    texts: dict[Path, Any] = {
        session.profile.path / "erasure-statement.json": encode(shape),
        session.profile.path / "erasure-statement.txt": text,
    }
    if more is not None:
        texts[more] = text
    for path, content in texts.items():
        files.replace(path, f"{content}\n".encode())
    return text


def _file(session: Session) -> Path:
    return session.profile.path / "erasure.json"
