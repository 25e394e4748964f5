"""`consent record`: a patient's records."""

from pathlib import Path
from typing import Annotated

import typer

from cli import adding, labelling, listing, planning
from cli.exits import Exit
from cli.groups import command, make_group
from cli.ids import expand
from cli.session import of
from cli.views import labels as marks
from cli.views import records as view

app = make_group("record", "Your records: encrypted here, kept as blocks that say nothing of what they hold.")

SEE_LIST = "See them with: consent record list"


@command(app)
def add(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Any files, or directories.")],
    record_class: Annotated[
        str | None, typer.Option("--class", metavar="CLASS", help="What a plain file is: imaging, labs ...")
    ] = None,
    mark: Annotated[
        list[str] | None,
        typer.Option(metavar="MARK", help="What it is about that is sensitive: PSY, HIV ..."),
    ] = None,
    date: Annotated[str | None, typer.Option(metavar="DATE", help="The day it is of: 2026-05-03.")] = None,
    by_day: Annotated[
        bool, typer.Option("--by-day", help="Cut CSV and NDJSON of a device: one record a day.")
    ] = False,
    time_field: Annotated[
        str | None, typer.Option(metavar="NAME", help="The column that tells the time, if not plain.")
    ] = None,
    zone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="Where the device was: Europe/Berlin. Else UTC.")
    ] = None,
    media_type: Annotated[
        str | None, typer.Option(metavar="TYPE", help="Its media type, if its name does not tell.")
    ] = None,
    same_person: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="You are this Patient, although a bundle of yours had another."),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Publish also what is there already, as a second copy.")
    ] = False,
    patient: Annotated[
        str | None, typer.Option(metavar="NAME", help="For a provider: whose they are, by a card or account.")
    ] = None,
    purpose: Annotated[
        list[str] | None,
        typer.Option(metavar="CODE", help="With --patient: what for. TREAT unless said otherwise."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be published.")] = False,
) -> None:
    """Encrypt and publish records. Only you can read them until you share them.

    All files are looked at before any is published. What they are is told by what they hold. In a directory,
    links and hidden files are left out. DICOM files of one series become one record, under their own class
    and day. With --by-day, a file of a device becomes one record a day; a time without an offset of its own
    that counts seconds, or ends in Z, is taken in --zone. Other files need --class.

    A FHIR bundle is split so that each part can be shared or kept by itself. It must be about one person, and
    always the same one. If a later one is of another Patient who is you all the same, type that name in full.

    What you have published already is left out, so after a stop of any kind just run the same command again:
    it goes on where it ended.

    A provider or a device adds records to a patient who lets it, and cannot read them back. First take the
    patient's card: consent contact add.

    Examples:
      consent record add bundle.json
      consent record add hospital-disc --dry-run
      consent record add scan.dcm
      consent record add heart-rate.csv --by-day --zone Europe/Berlin
      consent record add notes.pdf --class notes --mark PSY
      consent record add other-hospital.json --same-person "Alice Maria Miller"
      consent -p watch record add heart-rate.csv --by-day --patient alice
    """
    session = of(context)
    said = planning.Described(
        record_class=record_class,
        labels=mark or (),
        date=date,
        media_type=media_type,
        same_person=same_person,
        by_day=by_day,
        time_field=time_field,
        zone=zone,
    )
    with session.desk() as desk:
        owner = adding.owner(desk, patient, purpose or ())
        plan = planning.planned(owner, files, said)
        if dry_run:
            foreseen = view.planned(plan)
            session.output.result(foreseen, view.planned_text(foreseen))
            return
        shape = adding.added(session.output, desk, owner, plan, again=again)
    session.output.result(shape, view.added_text(shape))


@command(app, "list")
def list_(context: typer.Context) -> None:
    """Show all your records, with what the rules can see of them, and who wrote those that you did not.

    Example:
      consent record list
    """
    session = of(context)
    with session.desk() as desk:
        shape = listing.records(desk)
    session.output.result(shape, view.list_text(shape.records))


@command(app)
def verify(
    context: typer.Context,
    records: Annotated[
        list[str] | None, typer.Argument(metavar="[CID...]", help="All if none is named.")
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Check every copy, and mend it from another.")
    ] = False,
) -> None:
    """Fetch every block of your records and hash it again.

    With --repair each place where they are kept is read, and gets back what is missing or damaged there; an
    IPFS node that holds a record by no pin any more pins it again.

    Examples:
      consent record verify
      consent record verify --repair
      consent record verify bafyreigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi
    """
    from ledger.client.verifying import check_blocks, repairer

    session = of(context)
    with session.desk() as desk:
        mine = [record.root for record in desk.settled().records()]
        roots = [expand(text, mine, "record", SEE_LIST) for text in records or mine]
        mend = repairer(desk.blocks) if repair else None
        checks = [view.check_part(check) for check in check_blocks(roots, desk.blocks, repair=mend)]
    shape = view.verified(checks)
    session.output.result(shape, view.verified_text(shape))
    if not shape.ok:
        raise typer.Exit(Exit.FAILED)


@command(app)
def labels(
    context: typer.Context,
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE...]", help="FHIR bundles or resources; - for stdin.")
    ] = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="Measure the rules on the resources shipped for that.")
    ] = False,
) -> None:
    """Show what FHIR resources would be marked as, and why. Nothing is published, nobody is asked.

    Every resource gets a class, a confidentiality and labels. A label is said by the source, comes with a
    code or a word, or from what a resource refers to. The rules are data, each with its source.

    Examples:
      consent record labels bundle.json
      consent record labels condition.json --json
      consent record labels --measure
    """
    labelling.require_task(files or [], measure=measure)
    output = of(context).output
    if measure:
        found = labelling.measured()
        output.result(found, marks.measured_text(found))
    else:
        report = labelling.shown(files or [])
        output.result(report, marks.shown_text(report))
