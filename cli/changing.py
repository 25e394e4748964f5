"""A change of keys on the command line: new words, a meeting in person, and the change itself."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from cli import prompts
from cli.inputs import read_source
from cli.output import encode
from cli.session import Session
from cli.shapes.base import Shape
from cli.shapes.changing import KeyChangeBegun, KeyChangePlanned, KeysChanged, PersonIdentified
from cli.shapes.rights import UnopenedPart
from cli.views import changing as view
from ledger.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from ledger.client.opening import Desk
    from ledger.client.succession import Estate
    from ledger.client.successor import Successor
    from ledger.crypto.identity import Identity
    from ledger.parties.succession import Change

LIMIT = 16 * 1024
ASK = "Change your keys now?"
ASK_MEETING = "Do you say that this person is who they say?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How it was asked for; ``identified`` is the file that came back from the provider."""

    identified: Path | None
    words_to: Path | None
    dry_run: bool
    work_factor: int


def change(session: Session, wish: Wish) -> tuple[Shape, str]:
    """The next step of a change of keys; the answer and its text."""
    from ledger.client.successor import Successor

    successor = Successor(session.profile)
    done = successor.settle()
    if done is not None:
        shape = msgspec.json.decode(done, type=KeysChanged)
        return shape, view.changed_text(shape)
    if wish.identified is None:
        return _begin(session, successor, wish)
    if not successor.begun:
        raise NotFound(
            "there are no new words yet", reason="not_begun", fix="Begin with: consent identity change"
        )
    return _go_on(session, successor, wish, read_source(wish.identified, limit=LIMIT))


def identify(session: Session, source: Path) -> PersonIdentified:
    """A provider's word for a person who stands before them.

    Raises:
        SignatureInvalid: the text was changed, or is not of whoever holds both accounts.
        Declined: they do not say so.
    """
    from ledger.crypto.typed import records_domain
    from ledger.parties.succession import parse_change

    deployment = session.config.deployment
    domain = records_domain(deployment.chain_id, deployment.registry)
    asked = parse_change(read_source(source, limit=LIMIT))
    asked.verify(domain)
    session.output.show(view.MEETING.format(old=asked.old, new=asked.new), asked=not session.given.yes)
    session.confirm(ASK_MEETING)
    made = asked.witnessed(session.identity().account, domain)
    parse_change(made.text)
    return PersonIdentified(old=made.old, new=made.new, witness=made.witness or "", change=made.text.decode())


def _begin(session: Session, successor: "Successor", wish: Wish) -> tuple[Shape, str]:
    """Make the new words, once, and the text that a provider is to sign."""
    from ledger.crypto.typed import records_domain
    from ledger.parties.succession import Change

    old, config = session.identity(), session.config
    if successor.begun:
        new = _unlocked(session, successor)
    else:
        if wish.words_to is None:
            prompts.require_reader()
        passphrase = prompts.passphrase(session.given, "A new passphrase", new=True)
        new, words = successor.create(
            config, passphrase, words_to=wish.words_to, work_factor=wish.work_factor
        )
        if wish.words_to is None:
            from cli.views.people import words_block

            session.output.show(words_block(words), asked=True)
    domain = records_domain(config.deployment.chain_id, config.deployment.registry)
    made = Change.sign(old.account, new.account, domain, config.deployment.chain_id)
    session.output.talk(view.BEGUN)
    text = made.text.decode()
    return KeyChangeBegun(old=made.old, new=made.new, change=text), text


def _go_on(session: Session, successor: "Successor", wish: Wish, raw: bytes) -> tuple[Shape, str]:
    from ledger.client.opening import open_desk
    from ledger.parties.succession import parse_change

    identity = _unlocked(session, successor)
    with (
        session.desk() as old,
        open_desk(successor.place, session.config, identity) as new,
    ):
        witnessed = parse_change(raw)
        _require_ours(witnessed, old, new)
        kept = successor.kept(identity)
        estate = _gathered(old, witnessed) if kept is None else replace(kept, change=witnessed)
        plan = _plan(estate)
        if wish.dry_run:
            return plan, f"{view.planned_text(plan)}\n\n{view.NOT_YET}"
        session.output.show(view.planned_text(plan), asked=not session.given.yes)
        session.confirm(ASK)
        shape = _carried_out(session, successor, identity, old, new, estate)
    successor.take_over(encode(shape).encode())
    return shape, view.changed_text(shape)


def _carried_out(
    session: Session, successor: "Successor", identity: "Identity", old: "Desk", new: "Desk", estate: "Estate"
) -> KeysChanged:
    """Give up, fill, share: each can be done again."""
    from ledger.client import succession

    kept = [estate]

    def remember(found: "Estate") -> None:
        kept.append(found)
        successor.keep(identity, found)

    remember(estate)
    new.enrolled()
    old_side, new_side = old.context, new.context
    receipt = succession.give_up(old_side, new_side, estate, remember)
    with session.output.progress("Locking anew") as progress:
        lost = succession.fill(old_side, new_side, kept[-1], progress)
    unshared = succession.share(new_side, kept[-1])
    return KeysChanged(
        old=old.did,
        new=new.did,
        log_index=int(receipt["index"]),
        records=len(kept[-1].records) - len(lost),
        lost=[UnopenedPart(record=root, reason=reason) for root, reason in lost],
        consents=len(kept[-1].documents) - len(unshared),
        unshared=unshared,
    )


def _gathered(old: "Desk", witnessed: "Change") -> "Estate":
    from ledger.client import succession

    old.directory.refresh()
    return succession.gather(old.context, witnessed)


def _plan(estate: "Estate") -> KeyChangePlanned:
    return KeyChangePlanned(
        old=estate.change.old,
        new=estate.change.new,
        witness=estate.change.witness or "",
        records=len(estate.records),
        statements=estate.statements,
    )


def _require_ours(witnessed: "Change", old: "Desk", new: "Desk") -> None:
    witnessed.verify(old.context.records_domain)
    if (witnessed.old, witnessed.new) != (old.did, new.did):
        raise InvalidInput(
            "this is the change of keys of somebody else", reason="other_change", fix="Name your own file."
        )
    if witnessed.witness is None:
        raise InvalidInput(
            "nobody has signed yet that they met you",
            reason="no_witness",
            fix="Take the file to a clinic that knows you. They run: consent participant identify FILE",
        )


def _unlocked(session: Session, successor: "Successor") -> "Identity":
    question = f"Passphrase of the new words of {session.profile.name}"
    return successor.place.unlock(prompts.passphrase(session.given, question))
