"""An erasure in words: what it destroys, what remains, where, and what that still tells whom."""

from collections.abc import Iterator

from cli.shapes.erasing import (
    ErasedCounts,
    ErasurePlanned,
    HolderPart,
    LogReaderPart,
    PatientErased,
    PatientErasedByOrder,
    RemainsPart,
)
from cli.times import in_words
from cli.views.people import person_text
from cli.views.text import counted, plain, table

NOT_YET = "Nothing was erased. Leave out --dry-run to do it."


def planned_text(shape: ErasurePlanned) -> str:
    """What would happen, before it is asked for."""
    lines = [
        "This erases all that the gateway has of you. Nobody can bring it back.",
        "Nobody can open anything more of yours through the gateway then.",
    ]
    if shape.running:
        lines.append(f"It stops {counted(len(shape.running), 'choice')} first.")
    return "\n".join(
        [
            *lines,
            "",
            "What goes",
            *_gone(shape.destroys),
            "",
            "What stays, and what it can still tell",
            *_remains(shape.remains),
            *_backups(f"for {counted(shape.key_backup_days, 'day')}"),
        ]
    )


def erased_text(shape: PatientErased) -> str:
    """The statement: first what is so now, then what went, what stays and where, then the proof."""
    rows = [
        ("you were", shape.patient),
        ("gateway", plain(shape.gateway)),
        ("name in the log", shape.tag),
        ("log entry", str(shape.log_index)),
        ("receipt", shape.receipt),
        *(("choice", f"{left.consent} ({left.on_chain})") for left in shape.remains.on_chain),
    ]
    return "\n".join(
        [
            f"You were erased on {in_words(shape.at)}.",
            "Nobody can open anything more of yours through the gateway. Nobody can bring it back.",
            "",
            "What went",
            *_gone(shape.destroyed),
            *_locked(shape.blocks_left),
            *_shared(shape.blocks_kept),
            "",
            "What stays, and what it can still tell",
            *_remains(shape.remains),
            *_backups(f"until {in_words(shape.keys_until)}"),
            "",
            "Details",
            table(rows, indent="  "),
        ]
    )


def ordered_text(shape: PatientErasedByOrder) -> str:
    """What an operator has done."""
    rows = [
        ("patient", shape.patient),
        ("order", plain(shape.order)),
        ("tag", shape.tag),
        ("log entry", str(shape.log_index)),
        ("at", in_words(shape.at)),
        ("backups of keys", f"destroy them by {in_words(shape.keys_until)}"),
        ("blocks left", str(shape.blocks_left)),
        ("blocks kept", f"{shape.blocks_kept}, which others have too"),
        *(("still on chain", consent) for consent in shape.on_chain),
    ]
    return f"Erased. Anchors and receipts stay; so does the order, in the log.\n{table(rows, indent='  ')}"


def _gone(counts: ErasedCounts) -> list[str]:
    keys = counts.capsules + counts.compartments
    return [
        "  the key that opened all that the gateway had of you",
        f"  {counted(counts.records, 'record')}, with all their parts",
        f"  {counted(counts.consents, 'choice')}, with their texts and their secrets",
        f"  {counted(keys, 'key')} that opened records, or locked them",
        f"  {counted(counts.requests, 'request')} to you",
        f"  what {counted(counts.entries, 'line')} of the log said",
        "  locked files that you sent and that are in no record: they go within minutes",
    ]


def _locked(count: int) -> list[str]:
    if not count:
        return []
    return [
        f"  {counted(count, 'locked file')} could not be thrown away yet. The gateway keeps trying.",
        "  There is no key for them. Run the command again to see if they are gone.",
    ]


def _shared(count: int) -> list[str]:
    if not count:
        return []
    stay, them = ("stays", "it") if count == 1 else ("stay", "them")
    return [
        f"  {counted(count, 'locked file')} {stay}, as the records of somebody else have {them} too.",
        f"  There is no key of yours for {them} any more.",
    ]


def _remains(part: RemainsPart) -> Iterator[str]:
    yield from _holders(part.holders)
    yield from _ledger(len(part.on_chain))
    yield from _log(part)
    yield from _auditors(part.auditors)
    yield from (
        "  On other computers",
        "    Others may have copies of your locked files. They stay locked for good.",
        "    Only who was given a key can open them.",
        "  With you",
        "    Your 24 words may still open copies of your records. So keep them safe, or destroy them.",
        "    This folder holds your receipts and settings. Remove it when you need it no more:",
        f"      {part.profile}",
    )


def _holders(holders: list[HolderPart]) -> Iterator[str]:
    given = [one for one in holders if one.records]
    asked = [one for one in holders if not one.records]
    if given:
        yield "  With those who were given records"
        for one in given:
            last = "" if one.last is None else f", last on {in_words(one.last)}"
            what = f"{counted(one.records, 'record')}, {counted(one.times, 'time')}{last}"
            yield f'    "{person_text(one.person)}": {what}'
        yield "    They keep what they were given, the keys to it, and their receipts. So they know that"
        yield "    you were here. If somebody leaks more locked files of that time, those keys may fit."
    else:
        yield "  Nobody was given records of yours."
    if asked:
        yield "  With those who asked, added records, or are named in a choice, and who were given nothing"
        yield from (f'    "{person_text(one.person)}"' for one in asked)
        yield "    They keep their receipts, and what they added themselves. They may also have kept"
        yield "    the text of a choice that names them."


def _ledger(count: int) -> Iterator[str]:
    if not count:
        yield "  Nothing on the public ledger."
        return
    yield "  On the public ledger, for all to see and for good"
    yield f"    {counted(count, 'choice')}: when each began, and when it ended."
    yield "    An end may still be on its way. It goes on, and carries no name."
    yield "    No name is there, and no word of what you chose. But those whom a choice names know it."
    yield "    They can see there when it began and when it ended."


def _log(part: RemainsPart) -> Iterator[str]:
    yield "  In the log of the gateway"
    yield f"    {counted(part.entries, 'line')} that nobody can read: a made-up name for you, and a number."
    yield "    They show how often something was noted about one person, and about when."
    yield "    Who has a receipt about you knows that this person is you."
    yield "    One line more says that this name was erased."
    if part.asked_before:
        yield f"    {counted(part.asked_before, 'question')} from before you joined."
        yield "    The gateway can still read who asked for you then. They were given nothing."
    yield "    Who asks for you from now on hears that there is nothing. The gateway notes each question."
    yield "    No law or rule set here makes the gateway keep more."


def _auditors(readers: list[LogReaderPart]) -> Iterator[str]:
    if readers:
        yield "  With those who checked the log"
        for one in readers:
            yield f'    "{person_text(one.person)}", last on {in_words(one.time)}'
        yield "    They could read what it said of you, and may have a copy."


def _backups(how_long: str) -> list[str]:
    return [
        "  In old copies",
        f"    The gateway may keep old copies of its keys {how_long}.",
        "    Who has one of those, and an old copy of its data too, can read what it had of you.",
        "    Not your records: for those the gateway never had a key.",
        "    An old copy of its data alone shows no words. But who runs the gateway, or has a receipt",
        "    about you, can tell from it that you were here, how many records you had, and which",
        "    choices on the public ledger were yours.",
    ]
