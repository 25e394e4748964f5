"""Anchoring the log: a checkpoint goes on chain whenever the tree grew and the interval has passed."""

from sqlalchemy import delete, insert, select

from ledger.canonical import hexed
from ledger.chain.calls import anchor
from ledger.chain.events import Anchored
from ledger.errors import ProofInvalid
from ledger.log.checkpoint import open_note
from ledger.service.gateway import Gateway
from ledger.store.tables import anchors, submissions


def anchor_if_grown(gateway: Gateway) -> int | None:
    """Submit an anchor for the present tree, one at a time; its size, None if there is nothing to do.

    Raises:
        ProofInvalid: the chain's anchor is ahead of this log, or is not of it: an old backup was restored, or
            the log was forked. Nothing is signed until an operator has decided.
    """
    latest = latest_anchor(gateway)
    check_against_chain(gateway)
    checkpoint = open_note(gateway.journal.checkpoint(), gateway.journal.verifier)
    base = 0 if latest is None else latest.new_size
    if checkpoint.size == base or _under_way(gateway, base):
        return None
    with gateway.db.write() as connection:
        submission = gateway.relayer.submit(
            connection,
            kind="anchor",
            subject=str(checkpoint.size),
            to=gateway.deployment.anchor,
            data=anchor(old_size=base, new_size=checkpoint.size, root=checkpoint.root),
            urgent=False,
            not_before=0,
        )
        connection.execute(delete(anchors).where(anchors.c.size == checkpoint.size))
        connection.execute(
            insert(anchors).values(size=checkpoint.size, root=checkpoint.root, submission=submission)
        )
    return checkpoint.size


def latest_anchor(gateway: Gateway) -> Anchored | None:
    """The newest anchor of this gateway that the canonical chain shows."""
    found = gateway.follower.index.anchors(gateway.account)
    return found[-1] if found else None


def _under_way(gateway: Gateway, base: int) -> bool:
    """Whether an anchor beyond `base` is on its way and has not failed."""
    on_its_way = (
        select(anchors.c.size)
        .join(submissions, submissions.c.id == anchors.c.submission)
        .where((anchors.c.size > base) & submissions.c.state.not_in(("failed", "superseded")))
    )
    with gateway.db.read() as connection:
        return connection.execute(on_its_way.limit(1)).first() is not None


def check_against_chain(gateway: Gateway) -> None:
    """Refuse to go on with a log that is not the one whose anchor the chain shows.

    Raises:
        ProofInvalid: an older backup was restored, or the log was forked; nothing more is appended or signed.
    """
    latest = latest_anchor(gateway)
    if latest is None:
        return
    journal = gateway.journal
    if latest.new_size > journal.size and journal.damage is None:
        journal.follow()
    if latest.new_size > journal.size or journal.root(latest.new_size) != latest.root:
        journal.refuse("the chain's anchor is not of this log")
        raise ProofInvalid(
            "the chain's anchor is not of this log: an older backup was restored, or the log was forked",
            reason="anchor_ahead",
            fix=f"Restore the newest database (anchor {latest.new_size}, root {hexed(latest.root)}).",
        )
