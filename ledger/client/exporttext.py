"""The README of an export, for whoever finds the folder."""

from dataclasses import dataclass

from ledger.ids import Did


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much there is; ``opened`` records are there in plain, if ``contents`` were asked for."""

    consents: int
    records: int
    opened: int
    entries: int
    contents: bool


def readme(patient: Did, gateway: str, counts: Counts) -> str:
    """What is where, in plain words; the same facts give the same text."""
    return f"""\
This folder holds all that is known of you here.

Keep it safe. Who has it can read your choices, and who asked for what.
{_plain_note(counts)}

consents       {counts.consents} of your choices. Each has the text that you read, in statement.txt.
               Other programs read consent.json (FHIR R4 Consent).
records        {counts.records} of your records. {_records_note(counts)}
log            {counts.entries} lines about you, each with the proof that it is in the log.
history.json   who asked, what was decided, and what was handed out.
fhir           the same for other programs (FHIR R4 AuditEvent).
requests.json  what others asked you to share.
emergencies.json
               when somebody stated an emergency, and what was found of it.
people.json    the people and places that are named here.
SHA256SUMS     the sum of each file. Check it with: sha256sum -c SHA256SUMS

Your 24 words are not in here. They open the locked files, so keep them somewhere else.
An auditor can check the lines of the log, and that none is missing.

Account: {patient}
Gateway: {gateway}
"""


def _plain_note(counts: Counts) -> str:
    if counts.contents:
        return "Your records are in it in plain. Lock the folder away, or delete it when you are done."
    return "Your records themselves are not in it. To get them too, use: --with-records"


def _records_note(counts: Counts) -> str:
    if not counts.contents:
        return "Here are their labels and their locked keys."
    if counts.opened == counts.records:
        return "What is in them is under content."
    return f"What is in {counts.opened} of them is under content. The others could not be opened."
