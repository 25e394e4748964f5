"""From a consent, or from all that share, to their stops: show, ask, sign, wait."""

from collections.abc import Iterable
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec.structs import replace

from cli import listing
from cli.exits import Exit, exit_of
from cli.granting import Wait, waited
from cli.session import Session
from cli.shapes.base import Shape
from cli.shapes.consents import ConsentPart, ConsentsStopped, ConsentStopped, StandingPart, StopPart
from cli.views import consents as view
from cli.views.text import quoted
from ledger.errors import EnvironmentFault, LedgerError, NotFound, StopKept

if TYPE_CHECKING:
    from ledger.client.opening import Desk
    from ledger.client.own import OwnConsent

STOP = "Stop this now? What they have seen stays with them."
STOP_ALL = (
    "Stop all of it now? What they have seen stays with them. The public ledger hears of it all at once."
)
STOP_ALL_SPREAD = (
    "Stop all of it now? What they have seen stays with them. "
    "The public ledger hears of each stop later, at a time of its own."
)
TAKE_BACK = "Take this NO back? Another choice of yours may then let them see records."
SHARING = frozenset({"pending", "active", "stopping"})
"""States of a consent that shares, or may yet."""
GRAVITY = (
    Exit.UNEXPECTED,
    Exit.FAILED,
    Exit.DENIED,
    Exit.KEY,
    Exit.DECLINED,
    Exit.USAGE,
    Exit.UNDECIDED,
    Exit.RETRY,
    Exit.OK,
)
"""How commands that try several things may end, gravest first."""
MENDED_BY_TIME = frozenset({Exit.RETRY, Exit.UNDECIDED})
"""Endings after which the same command may do better."""


class OnChain(StrEnum):
    """When the chain hears of a stop that the gateway has accepted (DESIGN §4.7)."""

    AT_ONCE = "at-once"
    SPREAD = "spread"


def one(
    session: Session, desk: "Desk", consent: "OwnConsent", *, wait: Wait, spread: bool
) -> tuple[Shape, str]:
    """Show what is to be stopped and, if the patient agrees, stop it; the answer and its text."""
    session.output.show(f"{quoted(consent.statement)}\n", asked=not session.given.yes)
    session.confirm(STOP if consent.document.permits else TAKE_BACK)
    shape = ConsentStopped(consent=consent.id, permits=consent.document.permits, statement=consent.statement)
    with suppress(StopKept):
        done = desk.patient.revoke(consent.id, spread=spread)
        chain = view.chain_part(waited(desk, done, wait, stop=True))
        shape = replace(shape, log_index=done.index, chain=chain)
    return shape, view.stopped_text(shape)


def seal_for_the_rest(session: Session, desk: "Desk") -> None:
    """Hand the keys of what comes next to those who may go on reading. The stop is done; this may wait."""
    try:
        desk.patient.reseal()
    except EnvironmentFault:
        session.output.talk("Whoever may go on reading gets the keys to what is new with your next command.")


def everything(
    session: Session, desk: "Desk", *, wait: Wait, spread: bool
) -> tuple[ConsentsStopped, str, Exit]:
    """Show all that shares and, if the patient agrees, stop it; the answer, its text, and how it ended.

    A stop that fails keeps none of the others from being tried; it is in ``standing``. A stop that cannot be
    waited for is in ``stopped``, as far on its way as the gateway said when it accepted it; without an entry
    if the gateway keeps it until its database answers.

    Raises:
        NotFound: nothing shares.
    """
    found = [each for each in desk.patient.stoppable() if each.document.permits and each.state in SHARING]
    if not found:
        raise NotFound("no choice of yours shares anything", fix="Nothing is left to stop: consent list")
    session.output.show(view.rows_text(_parts(desk, found)), asked=not session.given.yes)
    session.confirm(STOP_ALL_SPREAD if spread else STOP_ALL)
    dones, stopped, standing, failures = [], [], [], []
    with session.output.progress("Stopping") as progress:
        for number, each in enumerate(found, start=1):
            try:
                dones.append(desk.patient.revoke(each.id, spread=spread))
            except StopKept:
                stopped.append(StopPart(consent=each.id))
            except LedgerError as exc:
                failures.append(exc)
                standing.append(StandingPart(consent=each.id, code=exc.code, message=exc.message))
            progress(number, len(found))
    again = gravest(failures) in MENDED_BY_TIME
    for done in dones:
        chain = done.chain
        try:
            chain = waited(desk, done, wait, stop=True)
        except LedgerError as exc:
            failures.append(exc)
        stopped.append(StopPart(consent=done.consent, log_index=done.index, chain=view.chain_part(chain)))
    shape = ConsentsStopped(stopped=stopped, standing=standing)
    return shape, view.all_stopped_text(shape, again=again), gravest(failures)


def _parts(desk: "Desk", found: "list[OwnConsent]") -> list[ConsentPart]:
    """Rows with the names by which people are known; with those that the texts say if nobody can be asked."""
    try:
        return [listing.part(desk, each) for each in found]
    except EnvironmentFault:
        return [listing.plain_part(each) for each in found]


def gravest(failures: Iterable[LedgerError]) -> Exit:
    """How a command ends that failed in so many ways; well, if in none."""
    return min((exit_of(type(one)) for one in failures), key=GRAVITY.index, default=Exit.OK)
