"""What a patient takes away, in words."""

from cli.shapes.rights import PatientExported
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
