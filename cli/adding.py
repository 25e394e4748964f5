"""Publishing what was planned: all in one run, in which nothing is published twice."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from cli.planning import Plan
from ledger.errors import LedgerError

if TYPE_CHECKING:
    from ledger.client.patient import PatientClient
    from ledger.client.publishing import Publisher

Progress = Callable[[int, int], None]


def publish(patient: "PatientClient", publisher: "Publisher", plan: Plan, progress: Progress) -> None:
    """Publish everything in a plan, in a run of `patient`; `progress` is told each record.

    Raises:
        LedgerError: see `PatientClient.bundle_records` and `Publisher.publish`; a file at fault is named in
            the field ``file``. What was published by then stays published.
    """
    done = 0
    for bundle in plan.bundles:
        try:
            records = patient.bundle_records(bundle.raw(), same_person=bundle.same_person)
            publisher.publish(records, progress=_from(done, plan.total, progress))
        except LedgerError as exc:
            exc.fields.setdefault("file", bundle.sources[0].name)
            raise
        done += len(records)
    publisher.publish(plan.records, progress=_from(done, plan.total, progress))


def _from(before: int, total: int, progress: Progress) -> Progress:
    """Progress of a part as progress of the whole."""
    return lambda done, _: progress(before + done, total)
