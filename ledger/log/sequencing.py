"""The sequencing rule (DESIGN 7): what was decided counts only if nothing came first that it did not know of.

Within the transaction that gives entries their places, the version of each patient is compared with the one
that was decided on. Every filing, stop, publication and erasure raises it in its own such transaction, and
these never overlap. So whatever was acknowledged before is known to what comes after it.
"""

from collections.abc import Collection, Iterator, Sequence

from sqlalchemy import Connection, bindparam, select

from ledger.log.drafts import Draft, PatientChanged
from ledger.store.parts import in_parts
from ledger.store.tables import erasures, patients

_VERSIONS = select(patients.c.tag, patients.c.version).where(
    patients.c.tag.in_(bindparam("tags", expanding=True))
)
_ERASED = select(erasures.c.tag).where(erasures.c.tag.in_(bindparam("tags", expanding=True)))


def runs(drafts: Sequence[Draft]) -> Iterator[Sequence[Draft]]:
    """The drafts in order, cut after each that writes something of its own, which the next ones must see."""
    start = 0
    for place, draft in enumerate(drafts, 1):
        if draft.within is not None:
            yield drafts[start:place]
            start = place
    if start < len(drafts):
        yield drafts[start:]


def require_current(connection: Connection, run: Sequence[Draft]) -> None:
    """Nothing, if every patient is as each of these drafts expects.

    Raises:
        PatientChanged: one has another version by now, or was erased.
    """
    expected = {pair for draft in run for pair in draft.expect.items()}
    if not expected <= _versions(connection, {tag for tag, _ in expected}):
        raise PatientChanged("another act for this patient came first", fix="decide again, then append again")
    _require_not_erased(connection, {draft.tag for draft in run if not draft.expect})


def _versions(connection: Connection, tags: Collection[bytes]) -> set[tuple[bytes, int]]:
    found: set[tuple[bytes, int]] = set()
    for some in in_parts(tags):
        found.update((tag, version) for tag, version in connection.execute(_VERSIONS, {"tags": some}))
    return found


def _require_not_erased(connection: Connection, tags: Collection[bytes]) -> None:
    """Whoever expects a version has compared it; nobody else may log under the tag of an erased patient."""
    for some in in_parts(tags):
        if connection.execute(_ERASED, {"tags": some}).first() is not None:
            raise PatientChanged("this patient was erased", fix="look who it is about, then append again")
