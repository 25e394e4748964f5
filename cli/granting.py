"""From a wish to a signed consent: show the whole text, ask, sign, wait."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from cli.session import Session
from cli.shapes.base import Shape
from cli.shapes.consents import (
    ConsentFiled,
    DraftShown,
    EffectPart,
)
from cli.shapes.records import RecordPart
from cli.times import parse_from, parse_until
from cli.views import consents as view
from cli.views.records import record_part
from cli.views.text import quoted

if TYPE_CHECKING:
    from ledger.client.drafting import Draft, Wish
    from ledger.client.filing import Done
    from ledger.client.opening import Desk
    from ledger.client.wire import ChainStatus
    from ledger.ids import ConsentId


AGREE = "Do you agree to this text, word for word?"


class Wait(StrEnum):
    """How far a recording or stop must be on its way to the chain before a command ends."""

    NONE = "none"
    SEEN = "seen"
    FINAL = "final"


def wish_from(
    desk: "Desk",
    *,
    to: Sequence[str],
    purposes: Sequence[str],
    classes: Sequence[str],
    actions: Sequence[str],
    excepted: Sequence[str],
    start: str | None,
    until: str | None,
    deny: bool,
    at: datetime,
) -> "Wish":
    """What was typed, as a wish. `at` is now, aware; its offset becomes the zone of the document."""
    from ledger.client.drafting import Wish

    labels, closed = sort_exceptions(excepted)
    return Wish(
        grantees=[desk.people.resolve(person) for person in to],
        purposes=purposes,
        classes=classes,
        actions=actions or ("access",),
        starts=parse_from(start, at) if start else at.replace(microsecond=0),
        until=parse_until(until, at) if until else None,
        excepted_labels=labels,
        excepted_classes=closed,
        deny=deny,
    )


def sort_exceptions(excepted: Sequence[str]) -> tuple[list[str], list[str]]:
    """Marks and classes among what is excepted; a class is known by its word or code."""
    from ledger.consent.codes import CLASSES

    known = {entry.word for entry in CLASSES.values()} | CLASSES.keys()
    return [text for text in excepted if text not in known], [text for text in excepted if text in known]


def decide(session: Session, desk: "Desk", draft: "Draft", *, wait: Wait, dry_run: bool) -> tuple[Shape, str]:
    """Show a draft in full and, if the patient agrees, sign and file it; the answer and its text.

    Raises:
        Declined: they do not agree, or there is nobody to ask.
    """
    records, effects = consequences(desk, draft)
    session.output.show(
        f"{quoted(draft.statement)}\n\n{effects_text(draft, effects, records)}\n",
        asked=not session.given.yes,
    )
    shown = DraftShown(
        statement=draft.statement,
        document=draft.document.json,
        records=len(records),
        effects=effects,
        request=draft.request,
    )
    if dry_run:
        return shown, "Nothing was signed. Leave out --dry-run to sign."
    session.confirm(AGREE)
    done = desk.patient.file(draft)
    filed = ConsentFiled(
        consent=done.consent,
        permits=draft.document.permits,
        statement=shown.statement,
        document=shown.document,
        records=shown.records,
        effects=effects,
        log_index=done.index,
        chain=view.chain_part(waited(desk, done, wait, stop=False)),
        request=draft.request,
    )
    return filed, view.filed_text(filed)


def consequences(desk: "Desk", draft: "Draft") -> tuple[list[RecordPart], list[EffectPart]]:
    """All records of the patient, and what the draft would change for whom, as data."""
    names = desk.people.names(effect.participant for effect in draft.effects)
    records = [record_part(record.root, record.header) for record in draft.records]
    return records, [view.effect_part(effect, names) for effect in draft.effects]


def effects_text(draft: "Draft", effects: list[EffectPart], records: list[RecordPart]) -> str:
    """The same in words."""
    document = draft.document
    return view.effects_text(
        effects,
        records,
        people=document.actors,
        permits=document.permits,
        excepted=view.excepted_marks(document),
    )


def waited(desk: "Desk", done: "Done", wait: Wait, *, stop: bool) -> "ChainStatus":
    """How far a recording, or with `stop` a stop, is on its way to the chain, once it has come to `wait`.

    Raises:
        Undecidable: it takes too long; nothing is lost by that.
    """
    from ledger.client.waiting import wait_for_consent

    if wait is Wait.NONE:
        return done.chain
    consent: ConsentId = done.consent
    return wait_for_consent(desk.gateway, desk.directory, consent, wait, stop=stop)
