"""`consent grant`, `list`, `show`, `revoke`: a patient's choices."""

from pathlib import Path
from typing import Annotated

import typer

from cli import granting, listing, stopping
from cli.granting import Wait
from cli.ids import expand
from cli.inputs import read_source
from cli.params import Classes, DryRun, Excepted, Purposes, Until, Waiting, Words
from cli.session import now, of
from cli.stopping import OnChain
from cli.views import consents as view
from ledger.errors import InvalidInput

DOCUMENT_LIMIT = 1 << 20
SEE_LIST = "See them with: consent list"

Consent = Annotated[str, typer.Argument(metavar="CONSENT", help="Its id, or the first 6 characters or more.")]


def grant(
    context: typer.Context,
    to: Annotated[Words, typer.Option(metavar="PERSON", help="Who: a contact, a name, an account.")] = None,
    purpose: Purposes = None,
    record_class: Classes = None,
    except_: Excepted = None,
    action: Annotated[Words, typer.Option(metavar="CODE", help="access unless said otherwise.")] = None,
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

    Examples:
      consent grant --to clinic --class labs --class vitals --purpose TREAT --until 90d
      consent grant --to "City Hospital" --purpose TREAT --until 1y --except PSY --except ETH
      consent grant --to insurer --deny
      consent grant --document consent.json --dry-run
    """
    session = of(context)
    with session.desk() as desk:
        wanted = (
            read_source(document, limit=DOCUMENT_LIMIT)
            if document
            else granting.wish_from(
                desk,
                to=to or (),
                purposes=purpose or (),
                classes=record_class or (),
                actions=action or (),
                excepted=except_ or (),
                start=from_,
                until=until,
                deny=deny,
                at=now().astimezone(),
            )
        )
        draft = desk.enrolled().draft(wanted)
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

    The public ledger hears of it at once. Who reads it may then guess that stops of one moment belong to
    one person. With --on-chain spread it hears of each at a time of its own. Until then only the gateway's
    word keeps the stop. The same command again with --on-chain at-once hurries what still waits. On public
    networks other acts of yours follow each other only when the one before is final, so several choices or
    spread stops take as many times that long.

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
    with session.desk() as desk:
        if consent is None:
            shape, text, end = stopping.everything(session, desk, wait=wait, spread=spread)
            session.output.result(shape, text)
            raise typer.Exit(end)
        mine = {one.id: one for one in desk.patient.consents()}
        one = mine[expand(consent, mine, "consent", SEE_LIST)]
        session.output.result(*stopping.one(session, desk, one, wait=wait, spread=spread))
