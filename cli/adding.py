"""Publishing what was planned, record by record."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from cli.planning import Plan
from ledger.errors import LedgerError

if TYPE_CHECKING:
    from ledger.client.patient import PatientClient
    from ledger.records.publish import Published


def publish(
    patient: "PatientClient", plan: Plan, progress: Callable[[int, int], None]
) -> "Iterator[Published]":
    """Publish everything in a plan; `progress` is told after each record.

    Raises:
        LedgerError: see `PatientClient.publish_bundle` and `publish_prepared`; a file at fault is named in
            the field ``file``. What was published by then stays published.
    """
    done = 0
    for bundle in plan.bundles:
        try:
            made = patient.publish_bundle(
                bundle.raw(), same_person=bundle.same_person, progress=_from(done, plan.total, progress)
            )
        except LedgerError as exc:
            exc.fields.setdefault("file", bundle.sources[0].name)
            raise
        done += len(made)
        yield from made
    yield from patient.publish_prepared(plan.records, progress=_from(done, plan.total, progress))


def _from(before: int, total: int, progress: Callable[[int, int], None]) -> Callable[[int, int], None]:
    """Progress of a part as progress of the whole."""
    return lambda done, _: progress(before + done, total)
