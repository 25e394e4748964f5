"""What a client remembers of each consent that its patient signed, as JSON.

::

{"0x…":{"closed":{},"controller":0,"filing":{…},"opened":{"0x…":0},"sealed":[["0x…",0,"did:…"]],
 "stopped":false,"taken":true}}
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from ledger.canonical import hexed
from ledger.client.ports import KeptFiling, SealedTo
from ledger.errors import InvalidInput
from ledger.ids import ConsentId, Did, parse_consent_id, parse_did, parse_word

_MEMBERS = {"closed", "controller", "filing", "opened", "sealed", "stopped", "taken"}

T = TypeVar("T")


def filings_to_json(filings: Mapping[ConsentId, KeptFiling]) -> dict[str, Any]:
    """The filings, by consent."""
    return {consent: _to_json(kept) for consent, kept in filings.items()}


def filings_from_json(value: object) -> dict[ConsentId, KeptFiling]:
    """Read them back.

    Raises:
        InvalidInput: (``bad_state``) something in it is of another form.
    """
    return {parse_consent_id(consent): _from_json(kept) for consent, kept in of(value, dict).items()}


def epochs_to_json(epochs: Mapping[bytes, int]) -> dict[str, int]:
    """Epochs by compartment (32 bytes)."""
    return {hexed(compartment): epoch for compartment, epoch in epochs.items()}


def epochs_from_json(value: object) -> dict[bytes, int]:
    """Read them back; raises as `filings_from_json`."""
    return {parse_word(compartment): _epoch(epoch) for compartment, epoch in of(value, dict).items()}


def did_from_json(text: str) -> Did:
    """A did; InvalidInput if it is none."""
    parse_did(text)
    return Did(text)


def of(value: object, kind: type[T]) -> T:
    """A value of exactly that type; InvalidInput (``bad_state``) if it is of another."""
    if type(value) is not kind:
        raise bad_state(f"a {kind.__name__} is expected somewhere")
    return value


def bad_state(why: str) -> InvalidInput:
    """What is said of a memory that this client did not write."""
    return InvalidInput(f"the profile's state cannot be used: {why}", reason="bad_state")


def _to_json(kept: KeptFiling) -> dict[str, Any]:
    sealed = sorted([hexed(to.compartment), to.epoch, to.recipient] for to in kept.sealed)
    return {
        "closed": epochs_to_json(kept.closed),
        "controller": kept.controller,
        "filing": kept.filing,
        "opened": epochs_to_json(kept.opened),
        "sealed": sealed,
        "stopped": kept.stopped,
        "taken": kept.taken,
    }


def _from_json(value: object) -> KeptFiling:
    members = of(value, dict)
    if members.keys() != _MEMBERS:
        raise bad_state("a filing's members are not known")
    return KeptFiling(
        controller=of(members["controller"], int),
        filing=of(members["filing"], dict),
        opened=epochs_from_json(members["opened"]),
        closed=epochs_from_json(members["closed"]),
        sealed=frozenset(_sealed_to(entry) for entry in of(members["sealed"], list)),
        stopped=of(members["stopped"], bool),
        taken=of(members["taken"], bool),
    )


def _sealed_to(value: object) -> SealedTo:
    entry = of(value, list)
    if len(entry) != 3:
        raise bad_state("a sealed capsule is not named by three values")
    return SealedTo(parse_word(of(entry[0], str)), _epoch(entry[1]), did_from_json(of(entry[2], str)))


def _epoch(value: object) -> int:
    epoch = of(value, int)
    if epoch < 0:
        raise bad_state("an epoch is below zero")
    return epoch
