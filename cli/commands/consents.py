"""`consent grant`, `list`, `show`, `revoke`: a patient's choices."""

from pathlib import Path
from typing import Annotated

import typer

from cli import granting, listing, stopping
from cli.granting import Wait
from cli.ids import expand
from cli.params import Classes, DryRun, Excepted, Purposes, Until, Waiting, Words
from cli.session import now, of
from cli.stopping import OnChain
from cli.views import consents as view
from cli.wishing import KINDS, Said
from ledger.consent.terms import Case
from ledger.errors import InvalidInput

SEE_LIST = "See them with: consent list"

Consent = Annotated[str, typer.Argument(metavar="CONSENT", help="Its id, or the first 6 characters or more.")]


def grant(
    context: typer.Context,
    to: Annotated[Words, typer.Option(metavar="PERSON", help="Who: a contact, a name, an account.")] = None,
    case: Annotated[Case | None, typer.Option("--for", help="What for, in a word; or use --purpose.")] = None,
    purpose: Purposes = None,
    action: Annotated[Words, typer.Option(metavar="CODE", help="access unless said otherwise.")] = None,
    record_class: Classes = None,
    mark: Annotated[Words, typer.Option(metavar="MARK", help="Only what is marked so, such as HIV.")] = None,
    code: Annotated[Words, typer.Option(metavar="SYSTEM|CODE", help="Only what is about this.")] = None,
    visit: Annotated[Words, typer.Option(metavar="VISIT", help="Only this visit: its day or name.")] = None,
    record: Annotated[Words, typer.Option(metavar="RECORD", help="Only this: its CID, file or name.")] = None,
    written_by: Annotated[Words, typer.Option(metavar="PERSON", help="Only what they wrote.")] = None,
    dated: Annotated[
        Words, typer.Option(metavar="FROM..TO", help="Only of these dates: 2024..2025-06.")
    ] = None,
    except_: Excepted = None,
    name: Annotated[Words, typer.Option(metavar="REF=WORDS", help="How the text calls something.")] = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="From when; now if unsaid.")
    ] = None,
    until: Until = None,
    deny: Annotated[bool, typer.Option("--deny", help="Do not share: a NO counts more than a YES.")] = False,
    document: Annotated[Path | None, typer.Option(metavar="FILE", help="A FHIR Consent instead.")] = None,
    dry_run: DryRun = False,
    wait: Waiting = Wait.NONE,
) -> None:
    """Share records, or refuse to. The full text is shown first; nothing is signed before you say yes.

    All records are meant unless you choose some. Two of one kind widen: --class labs --class vitals is both.
    Two kinds narrow: --class labs --dated 2024 is labs of 2024. --except closes what fits any of it. It takes
    a class, a mark, or a choosing option with its value: visit=2024-09-02, dated=2020..2021.

    --for care is treatment, research is health research, and emergency is only an emergency that somebody
    declares. --for visit is one visit for a day, and they may add to it. --for device only adds records.

    Examples:
      consent grant --to "City Hospital" --for care --until 1y
      consent grant --to clinic --for care --class labs --class vitals --until 90d
      consent grant --to clinic --for care --except PSY --except notes
      consent grant --to clinic --for care --visit 2024-09-02
      consent grant --to clinic --for care --record bafyreid2yzaw
      consent grant --to clinic --for care --written-by "Dr. Ada Brook"
      consent grant --to clinic --for care --dated 2024..2025-06
      consent grant --to "Heart Study" --for research --class vitals --until 2027-12-31
      consent grant --to "City Hospital" --for emergency
      consent grant --to "Dr. Ada Brook" --for visit --visit 2024-09-02 --until 2d
      consent grant --to "Pulse Watch" --for device --class vitals
      consent grant --to insurer --deny
      consent grant --to insurer --purpose HPAYMT --action access --action use --class billing
      consent grant --document consent.json --dry-run
    """
    chosen = (record_class, mark, code, visit, record, written_by, dated)
    said = Said(
        to=to or (),
        case=case,
        purposes=purpose or (),
        actions=action or (),
        chosen={kind: given or () for kind, given in zip(KINDS, chosen, strict=True)},
        excepted=except_ or (),
        names=name or (),
        start=from_,
        until=until,
        deny=deny,
    )
    session = of(context)
    with session.desk() as desk:
        draft = granting.draft(desk, said, document, at=now().astimezone())
        session.output.result(*granting.decide(session, desk, draft, wait=wait, dry_run=dry_run))


def list_(context: typer.Context) -> None:
    """Show who can see your records; for a provider, who shares with you.

    Example:
      consent list
    """
    session = of(context)
    with session.desk() as desk:
        shape = listing.consents(desk)
    session.output.result(shape, view.list_text(shape))


def show(context: typer.Context, consent: Consent, wait: Waiting = Wait.NONE) -> None:
    """Show one choice: its text, its state here and on chain. With --wait, once it has come so far.

    Examples:
      consent show 0x4fd81c
      consent show 0x4fd81c --wait final
    """
    session = of(context)
    with session.desk() as desk:
        shape = listing.consent(desk, consent, wait=wait)
        own = shape.consent.patient.did == desk.did
    session.output.result(shape, view.shown_text(shape, own=own))


def revoke(
    context: typer.Context,
    consent: Annotated[
        str | None, typer.Argument(metavar="CONSENT", help="Its id, or the first 6 characters or more.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All choices that share; a NO stays a NO.")] = False,
    on_chain: Annotated[
        OnChain, typer.Option("--on-chain", help="When the public ledger hears of it.")
    ] = OnChain.AT_ONCE,
    wait: Waiting = Wait.NONE,
) -> None:
    """Stop a choice, or with --all every one that shares. It counts at once; the text is shown first.

    It waits for no other command of yours. The public ledger hears of it at once. Who reads it may then
    guess that stops of one moment belong to one person. With --on-chain spread it hears of each at a time
    of its own. Until then only the gateway's word keeps the stop. The same command again with --on-chain
    at-once hurries what still waits. On public networks other acts of yours follow each other only when
    the one before is final, so several choices or spread stops take as many times that long.

    Examples:
      consent revoke 0x4fd81c
      consent revoke 0x4fd81c --yes --wait final
      consent revoke --all
      consent revoke --all --on-chain spread
      consent revoke --all --on-chain at-once
    """
    if every == (consent is not None):
        raise InvalidInput("name one choice, or say --all", reason="one_or_all", fix=SEE_LIST)
    session, spread = of(context), on_chain is OnChain.SPREAD
    with session.desk(urgent=True) as desk:
        if consent is None:
            shape, text, end = stopping.everything(session, desk, wait=wait, spread=spread)
            session.output.result(shape, text)
            raise typer.Exit(end)
        mine = {one.id: one for one in desk.patient.stoppable()}
        one = mine[expand(consent, mine, "consent", SEE_LIST)]
        session.output.result(*stopping.one(session, desk, one, wait=wait, spread=spread))
        stopping.seal_for_the_rest(session, desk)
