"""Publishing what was planned: all in one run, in which nothing is published twice."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from cli import planning
from cli.planning import Plan
from cli.shapes.records import RecordsAdded
from cli.views import records as view
from ledger.errors import InvalidInput, LedgerError

if TYPE_CHECKING:
    from cli.output import Output
    from ledger.client.opening import Desk
    from ledger.client.publishing import Publisher

Progress = Callable[[int, int], None]
Moving = Callable[[str, int, int], None]


class Owner(planning.Owner, Protocol):
    """Whose records are published, and who publishes them: the patient, or a writer for one."""

    def publishing(self, *, again: bool, moving: Moving) -> "AbstractContextManager[Publisher]":
        """See `PatientClient.publishing`."""


def owner(desk: "Desk", patient: str | None, purposes: Sequence[str]) -> Owner:
    """The profile's own records or, if a patient is named, those that it adds for them. Nothing is sent.

    Only contacts and accounts name a patient: whom one writes for, no gateway may say.

    Raises:
        InvalidInput: purposes for one's own records (``purpose_of_own``); see `Writer`.
        NotFound: no such contact.
    """
    from ledger.client.contacts import resolve_person

    if patient is not None:
        person = resolve_person(patient, desk.people.contacts)
        return desk.provider.writer(person, purposes=purposes or ("TREAT",))
    if purposes:
        raise InvalidInput(
            "--purpose says what a patient's records are added for",
            reason="purpose_of_own",
            fix="Name the patient too: --patient NAME. Your own records need none.",
        )
    return desk.patient


def added(output: "Output", desk: "Desk", owner: Owner, plan: Plan, *, again: bool) -> RecordsAdded:
    """Publish everything in a plan; what was published, as data. Raises as `publish`."""
    by_writer = owner.did != desk.did
    if not by_writer:
        desk.settled()
    with (
        output.bars("Publishing") as bars,
        owner.publishing(again=again, moving=bars.moving) as publisher,
    ):
        publish(owner, publisher, plan, bars.records)
    return view.added(plan, publisher, by_writer=by_writer)


def publish(owner: Owner, publisher: "Publisher", plan: Plan, progress: Progress) -> None:
    """Publish everything in a plan, in a run of `owner`; `progress` is told each record.

    Raises:
        LedgerError: see `PlannedBundle.records` and `Publisher.publish`; a file at fault is named in
            the field ``file``. What was published by then stays published.
    """
    done = 0
    for bundle in plan.bundles:
        try:
            records = bundle.records(owner)
            publisher.publish(records, progress=_from(done, plan.total, progress))
        except LedgerError as exc:
            exc.fields.setdefault("file", bundle.sources[0].name)
            raise
        done += len(records)
    publisher.publish(plan.records, progress=_from(done, plan.total, progress))


def _from(before: int, total: int, progress: Progress) -> Progress:
    """Progress of a part as progress of the whole."""
    return lambda done, _: progress(before + done, total)
