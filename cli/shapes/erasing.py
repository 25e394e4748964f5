"""Answers about the erasure of a patient."""

from cli.shapes.base import Part, Shape
from cli.shapes.consents import PersonPart


class ErasedCounts(Part, frozen=True, kw_only=True):
    """How much of what is destroyed; ``capsules`` are sealed keys, ``entries`` log entries."""

    records: int
    consents: int
    capsules: int
    compartments: int
    requests: int
    entries: int


class HolderPart(Part, frozen=True, kw_only=True):
    """Somebody who asked: how many records they were given, how often, and when last (Unix milliseconds)."""

    person: PersonPart
    records: int
    times: int
    last: int | None = None


class LogReaderPart(Part, frozen=True, kw_only=True):
    """An auditor who read entries of the patient, and when last (Unix milliseconds)."""

    person: PersonPart
    time: int


class LeftChoicePart(Part, frozen=True, kw_only=True):
    """A consent that the chain shows for ever, and what it says of it now."""

    consent: str
    on_chain: str


class RemainsPart(Part, frozen=True, kw_only=True):
    """What stays, with whom: see promise P10 of the design.

    ``entries`` stay as tag and inner hash. ``asked_before`` questions about the account, from before the
    patient joined, can still be read by the gateway; ``retained`` entries, because a duty demands it.
    """

    holders: list[HolderPart]
    auditors: list[LogReaderPart]
    on_chain: list[LeftChoicePart]
    entries: int
    asked_before: int
    retained: int
    profile: str


class ErasurePlanned(Shape, frozen=True, kw_only=True):
    """What an erasure would do; nothing was done. ``running`` are consents that it would stop first."""

    patient: str
    gateway: str
    key_backup_days: int
    running: list[str]
    destroys: ErasedCounts
    remains: RemainsPart


class PatientErased(Shape, frozen=True, kw_only=True):
    """The statement after an erasure; times in Unix milliseconds.

    ``log_index`` is the entry that the receipt proves. Until ``keys_until`` a backup of the gateway's keys
    may be around; ``blocks_left`` blocks of ciphertext are in its store still, to go; ``blocks_kept`` stay
    there, because somebody else has them too.
    """

    patient: str
    gateway: str
    tag: str
    at: int
    keys_until: int
    blocks_left: int
    blocks_kept: int
    log_index: int
    receipt: str
    destroyed: ErasedCounts
    remains: RemainsPart


class PatientErasedByOrder(Shape, frozen=True, kw_only=True):
    """What an operator has erased because a legal order says so; times in Unix milliseconds.

    ``on_chain`` are consents that did not end before: nobody but the patient can end them on chain.
    ``blocks_left`` and ``blocks_kept`` are as in `PatientErased`.
    """

    patient: str
    order: str
    tag: str
    log_index: int
    at: int
    keys_until: int
    blocks_left: int
    blocks_kept: int
    on_chain: list[str]
