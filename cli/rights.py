"""What a patient may take away with them, as shapes."""

from pathlib import Path
from typing import TYPE_CHECKING

from cli.shapes.rights import PatientExported, UnopenedPart

if TYPE_CHECKING:
    from ledger.client.opening import Desk
    from ledger.client.ports import Progress


def export(desk: "Desk", folder: Path, *, contents: bool, progress: "Progress") -> PatientExported:
    """Write everything about a patient into a folder."""
    patient = desk.settled()
    done = patient.export(folder.absolute(), desk.people.names, contents=contents, progress=progress)
    return PatientExported(
        patient=desk.did,
        folder=str(folder),
        files=done.files,
        consents=done.consents,
        records=done.records,
        opened=done.opened,
        unopened=[UnopenedPart(record=root, reason=reason) for root, reason in done.unopened],
        entries=done.entries,
    )
