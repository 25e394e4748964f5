"""Consents, what they change, and how far they are."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from cli.shapes.consents import (
    ChainPart,
    ConsentFiled,
    ConsentList,
    ConsentPart,
    ConsentShown,
    ConsentsStopped,
    ConsentStopped,
    EffectPart,
    LaterPart,
    PersonPart,
    PurposePart,
)
from cli.times import day_in_words, in_words
from cli.views.emergencies import news_text
from cli.views.people import person_text
from cli.views.records import AnyRecord, classes_text
from cli.views.text import counted, listed, plain, short, table

if TYPE_CHECKING:
    from ledger.client.own import OwnConsent
    from ledger.client.provider import NamedIn
    from ledger.client.wire import ChainStatus
    from ledger.consent.document import ConsentDocument
    from ledger.policy.preview import Effect

STATES = {
    "active": "running",
    "pending": "on its way",
    "stopping": "being stopped",
    "stopped": "stopped",
    "expired": "over",
    "unfiled": "never sent",
}
CHAIN_STATES = dict.fromkeys(("intended", "signed", "submitted"), "on its way")


KEPT = (
    "The gateway has your stop. Nobody can open anything through that gateway now.\n"
    "It cannot reach its own records yet, so it keeps your stop on disk and applies it first.\n"
    "If other gateways share those records, they hear of it a little later.\n"
    "Run the same command again later. Then you get the receipt."
)
"""Of a stop that a gateway keeps until its database answers."""


def chain_part(status: "ChainStatus") -> ChainPart:
    """How far something is, as data."""
    return ChainPart(
        state=status.state, transaction=status.transaction, block=status.block, gas_used=status.gas_used
    )


def chain_text(part: ChainPart | None) -> str:
    """How far something is: ``on its way``, ``seen in block 12, 49,170 gas, transaction 0x…``."""
    if part is None:
        return "not sent"
    block = "" if part.block is None else f" in block {part.block}"
    gas = "" if part.gas_used is None else f", {part.gas_used:,} gas"
    transaction = "" if part.transaction is None else f", transaction {plain(part.transaction)}"
    return f"{CHAIN_STATES.get(part.state, plain(part.state))}{block}{gas}{transaction}"


def effect_part(effect: "Effect", names: Mapping[str, str | None]) -> EffectPart:
    """What one person could open before and after, as data."""
    person = PersonPart(did=effect.participant, name=names.get(effect.participant))
    return EffectPart(
        person=person,
        before=sorted(effect.now),
        after=sorted(effect.then),
        purposes=[
            PurposePart(code=code or None, after=sorted(roots)) for code, roots in effect.purposes.items()
        ],
        starts=None if effect.starts is None else effect.starts.isoformat(),
        later=[LaterPart(at=one.at.isoformat(), after=sorted(one.records)) for one in effect.later],
    )


def excepted_marks(document: "ConsentDocument") -> frozenset[str]:
    """The marks by which a document closes records."""
    return frozenset(
        mark for rule in document.provisions() if not rule.permit and not rule.classes for mark in rule.labels
    )


def effects_text(
    effects: Sequence[EffectPart],
    records: Sequence[AnyRecord],
    *,
    people: Collection[str],
    permits: bool,
    excepted: Collection[str],
    adds: bool = False,
) -> str:
    """Who could see what: for each person how much before and after, what comes, what stays closed.

    `people` are those whom the choice is about; for them marks are named, where it closes records because of
    these (`excepted`, see `excepted_marks`). A YES that opens nothing to any of them is said to be one; one
    that `adds` only is not meant to.
    """
    lines = [f"Who could see what, of your {counted(len(records), 'record')}"]
    for effect in effects:
        before, after = set(effect.before), set(effect.after)
        changes = before != after or effect.later
        then = f"from {day_in_words(effect.starts)} on" if effect.starts and changes else "then"
        lines.append(f"  {person_text(effect.person)}: now {len(before)}, {then} {len(after)}")
        for words, roots in (("new", after - before), ("no longer", before - after)):
            if roots:
                lines.append(f"    {words}: {classes_text(part for part in records if part.root in roots)}")
        if changes:
            lines += [f"    {line}" for line in (*_by_purpose(effect), *_later(effect))]
        closed = [part for part in records if part.root not in before | after]
        if closed:
            marked = _marked(closed, excepted) if effect.person.did in people else ""
            lines.append(f"    stays closed: {counted(len(closed), 'record')}{marked}")
    if not effects:
        lines.append("  Nobody can see any of them, now or then.")
    if permits and adds:
        lines.append("This choice lets them add records. It lets them see none.")
    elif permits and not any(effect.after for effect in effects if effect.person.did in people):
        lines.append("Careful: none of your records fit this choice now. It opens nothing yet.")
    return "\n".join(lines)


def _by_purpose(effect: EffectPart) -> list[str]:
    """How many records for which purposes, where that differs; or that all need an emergency."""
    from ledger.consent.codes import PURPOSES, needs_emergency

    opened = [part.code for part in effect.purposes if part.after]
    if opened and all(code is not None and needs_emergency(code) for code in opened):
        return ["only once they state that it is an emergency"]
    purposes: dict[tuple[str, ...], list[str]] = {}
    for part in effect.purposes:
        words = PURPOSES.words(part.code) if part.code else "any other reason"
        purposes.setdefault(tuple(part.after), []).append(words)
    if len(purposes) < 2:
        return []
    return [f"for {' or '.join(words)}: {len(roots)}" for roots, words in purposes.items()]


def _later(effect: EffectPart) -> list[str]:
    """How many records from which day on, where that changes by itself."""
    return [f"from {day_in_words(later.at)} on: {len(later.after)}" for later in effect.later]


def _marked(closed: Iterable[AnyRecord], excepted: Collection[str]) -> str:
    """How many of them have an excepted mark, and which, in the words of the statement."""
    from ledger.consent.codes import SENSITIVITIES

    found = [SENSITIVITIES.ancestors(label) & set(excepted) for part in closed for label in part.labels]
    marks = sorted(frozenset().union(*found))
    count = sum(
        any(SENSITIVITIES.ancestors(label) & set(excepted) for label in part.labels) for part in closed
    )
    return f", {count} of them marked as {listed(map(SENSITIVITIES.words, marks))}" if marks else ""


def consent_part(
    one: "OwnConsent | NamedIn", patient: PersonPart, names: Mapping[str, str | None]
) -> ConsentPart:
    """A consent as data."""
    from ledger.consent.statement import adds_only

    period = one.document.root.period
    return ConsentPart(
        consent=one.id,
        state=one.state,
        permits=one.document.permits,
        adds_only=adds_only(one.document),
        patient=patient,
        people=[
            PersonPart(did=did, name=names.get(did) or name) for did, name in one.document.actor_names.items()
        ],
        on_chain=str(one.on_chain),
        chain=None if one.chain is None else chain_part(one.chain),
        stop=None if one.stop is None else chain_part(one.stop),
        starts=None if period is None else period.start,
        ends=None if period is None else period.end,
        filed=one.filed,
    )


def list_text(shape: ConsentList) -> str:
    """First whether anyone can see the records; then each consent on a line."""
    if shape.role == "provider":
        head = f"{counted(len(shape.consents), 'consent')} name you."
    elif shape.open_to:
        head = f"{counted(shape.open_to, 'person or group', 'people or groups')} can see records of yours."
    else:
        head = "Nobody can see your records through a choice of yours."
    head += news_text(shape.emergencies)
    rows = rows_text(shape.consents, provider=shape.role == "provider")
    return f"{head}\n{rows}" if rows else head


def rows_text(parts: Sequence[ConsentPart], *, provider: bool = False) -> str:
    """Each consent on a line, as its patient or, else, a provider looks at it."""
    return table([_row(part, provider=provider) for part in parts], indent="  ") if parts else ""


def shown_text(shape: ConsentShown, *, own: bool) -> str:
    """The state, the text under a heading that says what it is, and the technical details.

    `own`: its reader is the patient who signed it.
    """
    part = shape.consent
    day = day_in_words(str(shape.document["dateTime"]))
    head = f"This is the text {'you' if own else 'the patient'} signed on {day}:"
    return "\n".join([f"This choice is {_state(part)}.", "", head, "", shape.statement, "", *_details(part)])


def filed_text(shape: ConsentFiled) -> str:
    """What is so now, and what is still on its way."""
    if not shape.permits:
        head = "Done. Your NO counts from now on."
    elif shape.chain.state in {"seen", "final"}:
        head = "Done. Your choice counts from now on."
    else:
        head = "Signed and sent. Your choice counts as soon as the public ledger shows it."
    verb = "Stop it" if shape.permits else "Take it back"
    stop = f"{verb} at any time with: consent revoke {short(shape.consent)}"
    rows = [
        ("consent", shape.consent),
        ("chain", chain_text(shape.chain)),
        ("log entry", str(shape.log_index)),
        *([("request", shape.request)] if shape.request else []),
    ]
    return "\n".join([head, stop, "", "Details", table(rows, indent="  ")])


def stopped_text(shape: ConsentStopped) -> str:
    """What is so now, what cannot be undone, what is still on its way."""
    if shape.log_index is None:
        return "\n".join([KEPT, "", "Details", table([("consent", shape.consent)], indent="  ")])
    final = shape.chain is not None and shape.chain.state == "final"
    if shape.permits:
        lines = [
            "Stopped. Nobody can open anything more through this choice.",
            "What they have seen stays with them.",
            *([] if final else ["The public ledger follows. You need not wait for it."]),
        ]
    elif final:
        lines = ["Taken back. Your NO does not count any more."]
    else:
        lines = [
            "Taken back. Your NO ends as soon as the public ledger shows it for good.",
            "Until then it still counts.",
        ]
    rows = [
        ("consent", shape.consent),
        ("stop on chain", chain_text(shape.chain)),
        ("log entry", str(shape.log_index)),
    ]
    return "\n".join([*lines, "", "Details", table(rows, indent="  ")])


def all_stopped_text(shape: ConsentsStopped, *, again: bool) -> str:
    """First whether anyone can still see records through what was to be stopped; then each stop.

    `again`: what could not be stopped may be stopped by the same command, run again.
    """
    if shape.standing:
        head = (
            f"{counted(len(shape.standing), 'choice')} could not be stopped and may still share.\n"
            f"{'Run the command again.' if again else 'Below it says why.'}"
        )
    else:
        kept = any(one.log_index is None for one in shape.stopped)
        closed = "" if kept else " Nobody can open anything more through them."
        head = (
            f"{counted(len(shape.stopped), 'choice')} stopped.{closed}\nWhat they have seen stays with them."
        )
    if any(one.chain is not None and one.chain.state != "final" for one in shape.stopped):
        head += "\nThe public ledger follows. You need not wait for it."
    if any(one.log_index is None for one in shape.stopped):
        head += f"\n{KEPT}"
    rows = [(short(one.consent), "still stands", one.message) for one in shape.standing]
    rows += [
        (short(one.consent), "kept" if one.log_index is None else "stopped", chain_text(one.chain))
        for one in shape.stopped
    ]
    return "\n".join([head, "", "Details", table(rows, indent="  ")])


def _row(part: ConsentPart, *, provider: bool) -> tuple[str, ...]:
    return (
        _state(part),
        _verb(part),
        person_text(part.patient) if provider else listed(map(person_text, part.people), "anyone"),
        f"until {day_in_words(part.ends)}" if part.ends else "no end",
        short(part.consent),
    )


def _verb(part: ConsentPart) -> str:
    if not part.permits:
        return "do not share"
    return "let add" if part.adds_only else "share"


def _state(part: ConsentPart) -> str:
    return STATES.get(part.state, plain(part.state))


def _details(part: ConsentPart) -> list[str]:
    rows = [("consent", part.consent), ("chain says", part.on_chain), ("recording", chain_text(part.chain))]
    if part.stop is not None:
        rows.append(("stop", chain_text(part.stop)))
    if part.filed is not None:
        rows.append(("filed", in_words(part.filed)))
    return ["Details", table(rows, indent="  ")]
