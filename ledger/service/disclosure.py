"""Reading the disclosure log. Who reads entries of others is logged before anything is given."""

from typing import Any

from ledger.canonical import hexed
from ledger.errors import Forbidden, NotFound
from ledger.ids import Address
from ledger.log.entry import EntryKind, decode
from ledger.log.journal import OpenedEntry
from ledger.parties import Role
from ledger.service.gateway import Gateway
from ledger.service.participants import has_role
from ledger.service.succession import predecessors

ENTRY_PAGE = 512
PAGE_BYTES = 8 << 20
LEAF_PAGE = 4096


def checkpoint(gateway: Gateway) -> str:
    """A signed note over all entries; of a log that is damaged, the last one that was given out."""
    if gateway.journal.damage is None:
        return gateway.journal.checkpoint()
    note = gateway.journal.last_checkpoint()
    if note is None:
        raise NotFound("the log is damaged and no checkpoint was ever given out", reason="no_checkpoint")
    return note


def entries(gateway: Gateway, reader: Address, start: int, end: int) -> list[dict[str, Any]]:
    """Entries with their openings: all for an auditor, a patient's own for a patient; at most 512 a call.

    A patient's own are also those of the accounts for which theirs goes on.

    An auditor's reading is an entry itself, written before anything is given.

    Raises:
        Forbidden: the reader is neither an auditor nor a patient here.
    """
    end = min(end, start + ENTRY_PAGE)
    if has_role(gateway, reader, Role.AUDITOR):
        if gateway.journal.damage is None:  # a damaged log is shown, but takes nothing more
            _log_reading(gateway, reader, start, end)
        return _page(gateway.journal.entries(start, end))
    state = gateway.states.find(reader)
    if state is None:
        raise Forbidden("only auditors and patients may read entries", reason="not_a_reader")
    tags = [state.tag, *(row.tag for row in predecessors(gateway, reader))]
    found = [entry for tag in tags for entry in gateway.journal.entries(start, end, tag=tag)]
    return _page(sorted(found, key=lambda entry: entry.index))


def _page(found: list[OpenedEntry]) -> list[dict[str, Any]]:
    """As many entries as fit the bound of a page, at least one; a reader goes on behind the last."""
    shown: list[dict[str, Any]] = []
    size = 0
    for entry in found:
        size += len(entry.entry or b"")
        if shown and size > PAGE_BYTES:
            break
        shown.append(_opened(entry))
    return shown


def leaves(gateway: Gateway, start: int, end: int) -> list[str]:
    """Leaf hashes from `start`, at most 4096; they say nothing but how many there are."""
    found = gateway.journal.entries(start, min(end, start + LEAF_PAGE))
    return [hexed(entry.leaf) for entry in found]


def receipt(gateway: Gateway, reader: Address, index: int) -> dict[str, Any]:
    """The receipt of an entry for a party to it: the patient, or the subject or writer that it names.

    Raises:
        NotFound: no such entry, or none of this reader's.
    """
    found = gateway.journal.entries(index, index + 1)
    if not found or found[0].entry is None or not _is_party(gateway, reader, found[0]):
        raise NotFound("no such log entry of yours", reason="no_entry")
    return gateway.journal.receipt(index).to_json()


def _is_party(gateway: Gateway, reader: Address, opened: OpenedEntry) -> bool:
    entry = decode(opened.entry or b"")
    did = gateway.did(reader)
    gone_on_for = {row.tag for row in predecessors(gateway, reader)}
    named = (entry.get(part) for part in ("patient", "subject", "reader", "reviewer", "witness"))
    return opened.tag in gone_on_for or did in named or entry.get("writer") == reader


def _log_reading(gateway: Gateway, reader: Address, start: int, end: int) -> None:
    gateway.append(
        EntryKind.LOG_READ,
        head=gateway.last_head(),
        reader=gateway.did(reader),
        start=start,
        end=end,
    )


def _opened(entry: OpenedEntry) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "index": entry.index,
        "tag": hexed(entry.tag),
        "inner": hexed(entry.inner),
        "leaf": hexed(entry.leaf),
    }
    if entry.salt is not None and entry.entry is not None:
        shown["salt"] = hexed(entry.salt)
        shown["entry"] = entry.entry.decode()
    return shown
