"""A change of keys, in words."""

from cli.shapes.changing import KeyChangePlanned, KeysChanged
from cli.views.text import counted, plain, quoted, short

BEGUN = """\
Your new words are made. Nothing has changed yet, and the old words still work.

Next:
  1. Keep the new words safe. Do not store them where the old ones were.
  2. Take the text below to a clinic that knows you. Bring your passport or ID card.
     They run: consent participant identify FILE
  3. They give you the text back with their name on it. Then run:
     consent identity change --identified FILE"""

MEETING = """\
Somebody wants to go on with new words, and be this patient from then on:
  old account  {old}
  new account  {new}
Say yes only if they stand before you, you have seen their ID, and you know that the old account is theirs.
If you are wrong, a stranger gets all their records. Your name goes into the log."""

NOT_YET = "Nothing was changed."


def planned_text(shape: KeyChangePlanned) -> str:
    """What a change of keys does, before it is done."""
    choices = counted(len(shape.statements), "choice")
    lines = [
        "If you go on, your old words are worth nothing from then on.",
        "",
        "  Nobody can sign in with them, or share, or stop, or erase.",
        f"  {counted(shape.records, 'record')} of yours will be locked anew. The old words open nothing new.",
        f"  {choices} of yours will end, and be signed again with the new words. The texts are below.",
        "  Until that is done, those people cannot see your records.",
        "",
        "What this cannot undo: who knew the old words could open what you had until now.",
    ]
    return "\n".join([*lines, *(f"\n{quoted(text)}" for text in shape.statements)])


def changed_text(shape: KeysChanged) -> str:
    """What was done, and what is left to do."""
    lines = [
        "Your keys are changed. The old words are worth nothing now.",
        f"  {counted(shape.records, 'record')} locked anew",
        f"  {counted(shape.consents, 'choice')} signed anew",
        f"  the log says so in line {shape.log_index}",
        "",
        "Give people your new card: consent identity show --card",
        "Keep the old words too. They still open the old proofs in your profile.",
    ]
    if shape.lost:
        lines += ["", f"{counted(len(shape.lost), 'record')} could not be opened, and stayed behind:"]
        lines += [f"  {short(one.record)}  {plain(one.reason)}" for one in shape.lost]
    if shape.unshared:
        lines += ["", "Not signed anew, since somebody in it takes part no more:"]
        lines += [quoted(text) for text in shape.unshared]
    return "\n".join(lines)
