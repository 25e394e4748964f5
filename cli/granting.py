"""From a wish to a signed consent: show the whole text, ask, sign, wait."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from cli.inputs import read_source
from cli.session import Session
from cli.shapes.base import Shape
from cli.shapes.consents import (
    ConsentFiled,
    DraftShown,
    EffectPart,
)
from cli.shapes.records import RecordPart
from cli.views import consents as view
from cli.views.records import record_part
from cli.views.text import quoted
from cli.wishing import Said, wish
from ledger.errors import InvalidInput

if TYPE_CHECKING:
    from ledger.client.drafting import Draft
    from ledger.client.filing import Done
    from ledger.client.opening import Desk
    from ledger.client.wire import ChainStatus
    from ledger.ids import ConsentId

DOCUMENT_LIMIT = 1 << 20
UNKNOWN_WRITER = (
    "Careful: no record says that this person wrote it. Records may have another name for them.\n"
    "It looks like Practitioner/7. Give that after --written-by."
)
AGREE = "Do you agree to this text, word for word?"


class Wait(StrEnum):
    """How far a recording or stop must be on its way to the chain before a command ends."""

    NONE = "none"
    SEEN = "seen"
    FINAL = "final"


def draft(desk: "Desk", said: Said, document: Path | None, *, at: datetime) -> "Draft":
    """The draft of what was typed, or of a document that says it all. `at` is now, aware.

    Raises:
        InvalidInput: both; or see `wishing.wish`.
        LedgerError: see `drafting.written` and `drafting.drafted`.
    """
    if document is None:
        return desk.settled().draft(wish(desk, said, at))
    if not said.nothing:
        raise InvalidInput(
            "a document says everything itself",
            reason="document_and_options",
            fix="Leave out --document, or every option that chooses or limits.",
        )
    return desk.settled().draft(read_source(document, limit=DOCUMENT_LIMIT))


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
    from ledger.consent.statement import adds_only

    document = draft.document
    text = view.effects_text(
        effects,
        records,
        people=document.actors,
        permits=document.permits,
        adds=adds_only(document),
        excepted=view.excepted_marks(document),
    )
    return f"{text}\n{UNKNOWN_WRITER}" if _names_unknown_writer(draft) else text


def _names_unknown_writer(draft: "Draft") -> bool:
    """Whether the draft is about what somebody wrote whom no record has for an author."""
    from ledger.consent.provisions import Meaning

    known = {author for record in draft.records for author in record.header.authors}
    return any(
        datum.meaning is Meaning.AUTHORED_BY and datum.reference not in known
        for rule in draft.document.provisions()
        for datum in rule.data
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
