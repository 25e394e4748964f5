"""For whoever runs a gateway."""

from datetime import UTC, datetime

from cli.shapes.operating import GatewayBackedUp, GatewayRestored, GatewaySettingsShown
from cli.views.text import counted, size_words, table

REFUSED = {
    "anchor_ahead": "The chain's anchor is not of this log: it is older than what was anchored, or forked.",
    "log_damaged": "The log in it does not match what was signed.",
}
SEARCH = (
    "The gateway will log, sign and permit nothing with it. Move the database away, and restore a newer\n"
    "backup. "
    "If there is none, stop here and tell patients: the log must be closed, and another one say so."
)


def settings_text(shown: GatewaySettingsShown, *, check: bool) -> str:
    """Every setting with its value and where that is from; of a check the verdict alone."""
    verdict = f"All {len(shown.settings)} settings can be used. File: {shown.file or 'none'}."
    if check:
        return verdict
    return "\n".join([table([(one.key, one.value or "-", one.origin) for one in shown.settings]), verdict])


def backed_up_text(made: GatewayBackedUp) -> str:
    """What was written, and what to do with it."""
    lines = [
        f"Backed up {_when(made.made)}: a log of {counted(made.log_size, 'entry', 'entries')}.",
        f"  database  {size_words(made.database.bytes)}  {made.database.directory}",
    ]
    if made.keys is None:
        return "\n".join([*lines, "Not the keys: name a directory for them with --keys."])
    lines.append(f"  keys      {size_words(made.keys.bytes)}  {made.keys.directory}")
    return "\n".join(
        [
            *lines,
            "WARNING: who has both directories reads every patient's documents. Keep them apart, and delete",
            "copies of the keys after the days that patients are told of (key_backup_days).",
            "Blocks are not in it. Try the backup: consent gateway drill",
        ]
    )


def restored_text(restored: GatewayRestored) -> str:
    """What holds of it, the verdict first, then what to do."""
    what = "The drill" if restored.drill else "What was put back"
    verdict = f"{what} is as it should be." if restored.ok else f"{what} is NOT what a gateway goes on with."
    anchored = "no node could say" if restored.anchored is None else f"{restored.anchored:,} entries"
    rows = [
        ("backup of", _when(restored.made)),
        ("log", counted(restored.log_size, "entry", "entries")),
        ("chain's anchor", anchored),
        ("erased patients", str(restored.erased)),
        ("records looked for", f"{restored.records}, {restored.missing} missing"),
    ]
    return "\n".join([verdict, table(rows, indent="  "), *_advice(restored)])


def _advice(restored: GatewayRestored) -> list[str]:
    if restored.refused is not None:
        return [REFUSED.get(restored.refused, restored.refused), SEARCH]
    lines = []
    if restored.missing:
        lines.append("Bring the blocks back, or name the places that have them: CONSENT_BLOCKS.")
    if restored.anchored is None:
        lines.append(
            "Once a node answers, the gateway compares, and refuses a log older than the anchored one."
        )
    if not restored.drill:
        lines += [
            "What was acknowledged after the backup is lost, and receipts for it will show that. Stops that",
            "are on chain are taken over again; whoever else stopped something since must do it again.",
            "Start the gateway: consent serve",
        ]
    return lines


def _when(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
