"""What a patient takes away, in words."""

from cli.shapes.rights import PatientExported, PatientMoved, PatientMovePlanned
from cli.views.text import counted, plain, short


def exported_text(shape: PatientExported) -> str:
    """What is in the folder, and how to keep it."""
    unlocked = f", {counted(shape.opened, 'of them', 'of them')} unlocked" if shape.opened else ""
    lines = [
        f"All that is known of you here is in {shape.folder}. Start with README.txt there.",
        f"  {counted(shape.consents, 'choice')}",
        f"  {counted(shape.records, 'record')}{unlocked}",
        f"  {counted(shape.entries, 'line')} of the log, each with its proof",
        "Keep the folder safe. Who has it can read what is in it.",
    ]
    if shape.unopened:
        lines.append(f"{counted(len(shape.unopened), 'record')} could not be opened. Try again later.")
        lines += [f"  {short(one.record)}  {plain(one.reason)}" for one in shape.unopened]
    return "\n".join(lines)


STAYING = "Nothing was changed. You are where you were."


def move_planned_text(shape: PatientMovePlanned) -> str:
    """What a move does, before it is done."""
    return "\n".join(
        [
            f"You are at {plain(shape.gateway)}. You want to go to {plain(shape.to)}.",
            "",
            f"  {counted(shape.records, 'record')} of yours will be brought there, locked as they are.",
            f"  {counted(shape.consents, 'choice')} of yours will go on there. You need not sign again.",
            "  The old place will then open nothing more. People in your choices are told where you are.",
            "",
            "The old place keeps what it had of you, and its log. You can still see it, or have it erased.",
            "To take a copy with you first, run: consent patient export DIR",
        ]
    )


def moved_text(shape: PatientMoved) -> str:
    """Where the patient is now, and what stayed behind."""
    lines = [
        f"You have moved to {plain(shape.gateway)}.",
        f"  {counted(shape.records, 'record')} and {counted(len(shape.consents), 'choice')} are there.",
        f"  {plain(shape.left)} opens nothing more. Its log says so in line {shape.log_index}.",
    ]
    if shape.unopened:
        lines.append(f"{counted(len(shape.unopened), 'record')} could not be opened, and stayed behind:")
        lines += [f"  {short(one.record)}  {plain(one.reason)}" for one in shape.unopened]
    if shape.lapsed:
        lines.append("Not taken along, since somebody in it takes part no more:")
        lines += [f"  {short(one)}" for one in shape.lapsed]
    return "\n".join(lines)
