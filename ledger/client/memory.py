"""What a patient's client remembers of its own consents, so that no gateway can talk it out of a stop.

A stop counts from the moment it is about to be signed. Whoever a stopped consent was ever sealed for, or whom
a NO or the end of a consent has shut out, may hold the keys of those epochs for ever: nothing new may be
sealed to one of them, or to an epoch before it, whatever the gateway calls the current epoch.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ledger.chain.index import ChainState
from ledger.client.context import Context
from ledger.client.ports import KeptFiling, SealedTo
from ledger.ids import ConsentId


def highest(grants: Iterable[SealedTo]) -> dict[bytes, int]:
    """The highest epoch of each compartment among grant capsules."""
    found: dict[bytes, int] = {}
    for grant in grants:
        found[grant.compartment] = max(grant.epoch, found.get(grant.compartment, 0))
    return found


def highest_of(known: Mapping[bytes, int], new: Mapping[bytes, int]) -> dict[bytes, int]:
    """The highest epoch of each compartment in either."""
    return {
        compartment: max(known.get(compartment, 0), new.get(compartment, 0))
        for compartment in known.keys() | new.keys()
    }


def remember_sending(context: Context, consent: ConsentId, grants: frozenset[SealedTo]) -> None:
    """Note durably which keys are about to be handed over, whether or not an answer ever comes.

    What was handed over before and is not now is taken from somebody, so those epochs are closed.
    """
    kept = context.state.filings[consent]
    closed, opened = _raised(kept.closed, kept.sealed - grants), _raised(kept.opened, grants)
    _put(context, consent, replace(kept, opened=opened, closed=closed))


def remember_grants(context: Context, consent: ConsentId, grants: frozenset[SealedTo]) -> None:
    """Note durably which capsules the gateway has acknowledged that it holds for a consent."""
    kept = context.state.filings[consent]
    _put(context, consent, replace(kept, sealed=grants, opened=_raised(kept.opened, grants), taken=True))


def remember_stop(context: Context, consent: ConsentId) -> None:
    """Note durably that a consent is stopped; there is no way back."""
    _put(context, consent, replace(context.state.filings[consent], stopped=True))


def remember_stops_on_chain(context: Context) -> None:
    """Note the stops that another client of this patient made, as this one's own RPC shows them."""
    for consent in list(context.state.filings):
        if context.directory.index.ended_number(consent) is not None:
            remember_stop(context, consent)


def is_stopped(context: Context, consent: ConsentId) -> bool:
    """Whether this client remembers that the consent was stopped."""
    kept = context.state.filings.get(consent)
    return kept is not None and kept.stopped


def closed_epochs(context: Context) -> dict[bytes, int]:
    """The highest epoch of each compartment that a stopped consent opened, or that was taken from somebody.

    A filing that never reached a gateway, as far as both gateways and chain have shown, has opened nothing.
    Stops that another command made since are heeded.
    """
    context.state.heed_stops()
    found: dict[bytes, int] = {}
    for consent, kept in context.state.filings.items():
        reached = kept.taken or context.directory.state(consent) is not ChainState.NONE
        ended = kept.opened if kept.stopped and reached else kept.closed
        for compartment, epoch in ended.items():
            found[compartment] = max(epoch, found.get(compartment, 0))
    return found


def _raised(known: Mapping[bytes, int], grants: Iterable[SealedTo]) -> dict[bytes, int]:
    return highest_of(known, highest(grants))


def _put(context: Context, consent: ConsentId, kept: KeptFiling) -> None:
    if context.state.filings[consent] != kept:
        context.state.filings[consent] = kept
        context.state.save()
