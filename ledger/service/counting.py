"""Which consents count (DESIGN 4.6, 5), and the stops that the chain shows before the log does.

Each consent counts from its recording at the head's level until the first sign of a stop; and the NO of one
whose root denies from its filing until its end is final on chain. What such a consent permits in an exception
is a permission as any other: it needs the recording, and ends with the stop.
"""

from collections.abc import Iterable, Iterator

from ledger.chain.index import ChainIndex
from ledger.ids import Address, ConsentId, Did, parse_did
from ledger.parties import Role
from ledger.policy.compiler import CompiledConsent
from ledger.policy.preview import Standing
from ledger.service.gateway import Gateway, HeadFacts
from ledger.service.states import FiledConsent, PatientState
from ledger.service.stops import take_over_one


def counting(
    gateway: Gateway, subject: Did, state: PatientState | None, head: HeadFacts
) -> tuple[CompiledConsent, ...]:
    """What counts of a patient's consents at `head` when `subject` asks."""
    if state is None:
        return ()
    return eligible(state.consents, gateway.follower.index, head, parse_did(subject)[1])


def stops_to_log(gateway: Gateway, state: PatientState) -> list[ConsentId]:
    """The consents whose stop the chain shows and the log does not."""
    index = gateway.follower.index
    return [
        consent.id
        for consent in state.consents
        if consent.row.stopped is None and index.ended_number(consent.id) is not None
    ]


def take_over_stops(gateway: Gateway, head: HeadFacts, state: PatientState) -> bool:
    """Log those stops, which a replay must find before the next decision; whether there were any."""
    found = stops_to_log(gateway, state)
    return sum(take_over_one(gateway, head, each, state.tag) for each in found) > 0


def eligible(
    consents: tuple[FiledConsent, ...], index: ChainIndex, head: HeadFacts, subject: Address
) -> tuple[CompiledConsent, ...]:
    """What counts at `head`, of each consent; nothing for a subject that is no admitted provider then."""
    participant = index.participant(subject, head.number)
    if participant is None or participant.suspended or not participant.roles & Role.PROVIDER:
        return ()
    return tuple(one.compiled for one in _standing(consents, index, head))


def standing(gateway: Gateway, state: PatientState) -> tuple[Standing, ...]:
    """A patient's consents that count now, whoever asks; for previews."""
    return tuple(_standing(state.consents, gateway.follower.index, gateway.head()))


def _standing(consents: Iterable[FiledConsent], index: ChainIndex, head: HeadFacts) -> Iterator[Standing]:
    for consent in consents:
        if consent.row.stopped is None and index.is_active(consent.id, head.number, head.time):
            yield consent.standing
        elif not consent.document.permits:
            ended = index.ended_number(consent.id)
            if ended is None or ended > head.final:
                yield consent.standing.refusals
