"""An accreditor's acts, as shapes and text."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cli.session import Session
from cli.shapes.consents import ChainPart, ParticipantChanged, ParticipantPart
from cli.views.consents import chain_text
from cli.views.requests import participant_part
from cli.views.text import table
from ledger.errors import NotAdmitted

if TYPE_CHECKING:
    from ledger.client.accrediting import Accreditor, Sent
    from ledger.client.opening import People
    from ledger.ids import Did
    from ledger.parties import Application


def accreditor(session: Session, key: Path | None) -> "Accreditor":
    """The accreditor whose key is named, else the one of `consent up` in this home."""
    from ledger.client.accrediting import Accreditor

    return Accreditor.from_file(session.config, key or session.home.stack / "keys" / "accreditor.key")


def changed(
    did: "Did", change: str, sent: Sequence["Sent"], application: "Application | None" = None
) -> ParticipantChanged:
    """What was put on chain, as data."""
    return ParticipantChanged(
        did=did,
        change=change,
        transactions=[
            ChainPart(
                state=one.function,
                transaction=one.receipt.transaction,
                block=one.receipt.number,
                gas_used=one.receipt.gas_used,
            )
            for one in sent
        ],
        name=None if application is None else application.profile.name,
        roles=None if application is None else application.roles.words,
    )


def changed_text(shape: ParticipantChanged) -> str:
    """Who was admitted or suspended, and by which transactions."""
    who = f'"{shape.name}" ({shape.did})' if shape.name else shape.did
    as_what = f" as {', '.join(shape.roles)}" if shape.roles else ""
    rows = [("  on chain", chain_text(part)) for part in shape.transactions]
    return f"{who} is {shape.change}{as_what}.\n{table(rows)}"


def participant(people: "People", text: str) -> ParticipantPart:
    """One participant of the directory.

    Raises:
        NotFound, InvalidInput: see `contacts.resolve_person`.
        NotAdmitted: somebody who is known, but not in the directory.
    """
    did = people.resolve(text)
    for one in people.listing():
        if one.did == did:
            return participant_part(one)
    raise NotAdmitted("not in the participant directory")
