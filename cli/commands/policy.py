"""`consent policy`: documents, decisions and codes, from files alone."""

from pathlib import Path
from typing import Annotated

import typer

from cli import coding, evaluating, validating
from cli.exits import Exit
from cli.groups import command, make_group
from cli.params import Words
from cli.session import now, of
from cli.times import parse_from
from cli.views import policy as view

app = make_group(
    "policy", "Consent documents and decisions, from files alone: no chain, no gateway, no profile."
)

Records = Annotated[
    Path | None, typer.Option("--records", metavar="FILE", help="A FHIR bundle, or facts of records.")
]
At = Annotated[str | None, typer.Option("--at", metavar="TIME", help="The time to decide for.")]


@command(app)
def validate(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="FHIR Consents; - is stdin.")],
    chain_id: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Must be fit to be filed on this chain.")
    ] = None,
    statement: Annotated[bool, typer.Option("--statement", help="Show the text that is signed.")] = False,
) -> None:
    """Say whether documents are accepted, and why not.

    Of each is told too which PCF profiles it meets, and what in it may not be meant.

    A document is accepted if all of it can be enforced; else the element at fault is named. One that meets
    no profile of IHE Privacy Consent on FHIR is accepted all the same. Exit code 10 says that a document is
    refused or, with --chain-id, cannot be filed there.

    Examples:
      consent policy validate consent.json
      consent policy validate *.json --chain-id 31337 --json
      consent policy validate consent.json --statement
    """
    session = of(context)
    shape = validating.validate(session, files, chain_id=chain_id, statement=statement)
    session.output.result(shape, view.validated_text(shape))
    if not shape.ok:
        raise typer.Exit(Exit.FAILED)


@command(app)
def evaluate(
    context: typer.Context,
    consent: Annotated[list[Path], typer.Option(metavar="FILE", help="A FHIR Consent; as often as needed.")],
    request: Annotated[Path, typer.Option(metavar="FILE", help="Who asks for what; see above.")],
    records: Records = None,
    at: At = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show what matched and what did not.")] = False,
) -> None:
    """Decide on a request by the engine alone.

    Exit code 0 says that something may be opened, 11 that nothing may.

    A request file must name subject, patient and purposes. All else may be left out, and stands here as it
    is then, but for the time, which is now. With --records the records come from a file of their own; a
    bundle is split and labelled as it would be published.

    Example:
      {"format": "consent-ledger/request/1",
       "request": {"subject": "Practitioner/7", "patient": "Patient/1", "purposes": ["TREAT"],
                   "action": "access", "emergency": false, "at": "2026-03-31T09:00:00Z"},
       "identities": {},
       "records": [{"id": "a", "class": "30954-2", "confidentiality": "N", "labels": ["PSY"]}]}

    All consents count, whatever a chain would say of them. The whole form of a request file is in
    ledger/FORMATS.md, its schema in cli/schemas/request.1.json.

    Examples:
      consent policy evaluate --consent consent.json --request request.json
      consent policy evaluate --consent yes.json --consent no.json --request request.json --explain
      consent policy evaluate --consent yes.json --request who.json --records bundle.json --at 2027-01-01
    """
    session, moment = of(context), now().astimezone()
    shape = evaluating.evaluate(
        consent, request, records, at=None if at is None else parse_from(at, moment), now=moment
    )
    session.output.result(shape, view.evaluated_text(shape, explain=explain))
    if shape.outcome != "PERMIT":
        raise typer.Exit(Exit.DENIED)


@command(app)
def preview(
    context: typer.Context,
    consent: Annotated[Path, typer.Option(metavar="FILE", help="The draft, a FHIR Consent.")],
    records: Annotated[
        Path, typer.Option("--records", metavar="FILE", help="A FHIR bundle, or facts of records.")
    ],
    today: Annotated[Words, typer.Option(metavar="FILE", help="A consent that counts already.")] = None,
    at: At = None,
) -> None:
    """Show who could read what with a draft, and today.

    Each person is told of whom the draft or a consent of today names. To read means for some purpose; where
    purposes differ, each is told. A draft that starts later is looked at from then on. Nothing is signed;
    'consent grant --document FILE --dry-run' shows the same of your own records.

    Examples:
      consent policy preview --consent draft.json --records bundle.json
      consent policy preview --consent draft.json --today one.json --today two.json --records bundle.json
    """
    session, moment = of(context), now().astimezone()
    shape, text = evaluating.preview(
        consent,
        [Path(name) for name in today or ()],
        records,
        at=moment if at is None else parse_from(at, moment),
    )
    session.output.result(shape, text)


@command(app)
def codes(
    context: typer.Context,
    which: Annotated[
        str | None,
        typer.Argument(metavar="LIST", help="purposes, labels, confidentiality, actions or classes."),
    ] = None,
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="Only those that have it.")] = None,
) -> None:
    """List the codes that may be named, with their words.

    A code stands for those below it too.

    Examples:
      consent policy codes
      consent policy codes purposes
      consent policy codes labels addiction
      consent policy codes research --json
    """
    shape = coding.listed(which, text)
    of(context).output.result(shape, view.codes_text(shape))
