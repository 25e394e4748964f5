"""Which consents count: the auditor's reading against the gateway's, over chains that nobody thought of."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.audit.eligibility import eligible
from ledger.audit.patients import HeldConsent, PatientState
from ledger.audit.shapes import Head
from ledger.chain.events import (
    Event,
    ParticipantAdmitted,
    ParticipantReinstated,
    ParticipantSuspended,
    RevokedAll,
)
from ledger.consent.commitment import VerifiedConsent, filing_from_json, verify_filing
from ledger.policy.compiler import compile_consent
from ledger.service import counting
from ledger.service.gateway import HeadFacts
from ledger.service.states import FiledConsent
from ledger.store.consents import ConsentRow
from tests.audit.acts import (
    CHAIN_ID,
    DEPLOYMENT,
    account,
    block_hash,
    block_time,
    did,
    ended,
    filed,
    place,
    recorded,
)
from tests.audit.world import World

BLOCKS = 12
FILED = [filed("ann", "clinic", "yes", 1), filed("ann", "clinic", "no", 1, deny=True)]
CLINIC = account("clinic").address


def given_in(entry: dict[str, Any]) -> VerifiedConsent:
    return verify_filing(filing_from_json(entry["filing"]), chain_id=CHAIN_ID, registry=DEPLOYMENT.registry)


GIVEN = [given_in(entry) for entry in FILED]
COMPILED = [compile_consent(given.id, given.document) for given in GIVEN]


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Events as the contracts can emit them: one recording and one end at most, epochs that rise."""
    number = st.integers(min_value=2, max_value=BLOCKS)
    events: list[Event] = []
    for entry in FILED:
        start, end, epoch = (draw(st.none() | number) for _ in range(3))
        controller = entry["filing"]["controller"]
        until = draw(st.sampled_from([entry["filing"]["until"], block_time(5), block_time(9)]))
        stopped_before = end is not None and start is not None and end < start
        if start is not None and not stopped_before and not (epoch is not None and epoch < start):
            events.append(replace(recorded(entry, start), until=until))
        if end is not None:
            events.append(ended(entry, end))
        if epoch is not None:
            events.append(RevokedAll(**place(epoch), controller=controller, new_epoch=1))
    roles = draw(st.integers(min_value=0, max_value=7))
    admitted, suspended, back = draw(number), draw(number), draw(number)
    events.append(ParticipantAdmitted(**place(admitted), participant=CLINIC, roles=roles, profile=bytes(32)))
    if suspended > admitted and draw(st.booleans()):
        events.append(ParticipantSuspended(**place(suspended), participant=CLINIC))
        if back > suspended:
            events.append(ParticipantReinstated(**place(back), participant=CLINIC))
    return events


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    events=histories(),
    number=st.integers(min_value=1, max_value=BLOCKS),
    depth=st.integers(min_value=0, max_value=4),
    stopped=st.tuples(st.booleans(), st.booleans()),
)
def test_gateway_and_auditor_let_the_same_consents_count(
    events: list[Event], number: int, depth: int, stopped: tuple[bool, bool]
) -> None:
    chain = World(events=events, tip=BLOCKS).chain()
    final = max(0, number - depth)
    facts = HeadFacts(number=number, hash=block_hash(number), time=block_time(number), final=final)
    rows = tuple(
        FiledConsent(
            row=ConsentRow(consent=given.id, tag=b"", entry=0, stopped=9 if stop else None, sealed={}),
            document=given.document,
            compiled=compiled,
        )
        for given, compiled, stop in zip(GIVEN, COMPILED, stopped, strict=True)
    )
    state = PatientState(
        consents={
            given.id: HeldConsent(given=given, compiled=compiled, revoked=stop)
            for given, compiled, stop in zip(GIVEN, COMPILED, stopped, strict=True)
        }
    )
    head = Head(number=number, hash=facts.hash, time=facts.time, final=final)
    found = eligible(chain, state, did("clinic"), head, block=number, later=number)
    assert tuple(found) == counting.eligible(rows, chain, facts, CLINIC)


@pytest.mark.parametrize(
    ("shown", "stopped", "counts"),
    [
        pytest.param([], False, [(1, False)], id="accepted, not on chain: its NO alone"),
        pytest.param([recorded(FILED[1], 2)], False, [(1, True)], id="recorded: all of it"),
        pytest.param([recorded(FILED[1], 2)], True, [(1, False)], id="a stop accepted: its NO alone"),
        pytest.param(
            [recorded(FILED[1], 2), ended(FILED[1], 8)], False, [(1, False)], id="an end seen: its NO alone"
        ),
        pytest.param([recorded(FILED[1], 2), ended(FILED[1], 5)], True, [], id="the end final: nothing"),
    ],
)
def test_what_a_refusal_excepts_counts_as_any_yes_does(
    shown: list[Event], stopped: bool, counts: list[tuple[int, bool]]
) -> None:
    admission = ParticipantAdmitted(**place(2), participant=CLINIC, roles=7, profile=bytes(32))
    chain = World(events=[admission, *shown], tip=BLOCKS).chain()
    held = HeldConsent(given=GIVEN[1], compiled=COMPILED[1], revoked=stopped)
    head = Head(number=9, hash=block_hash(9), time=block_time(9), final=5)
    found = eligible(chain, PatientState(consents={GIVEN[1].id: held}), did("clinic"), head, block=9, later=9)
    assert [(COMPILED.index(replace(one, permits=True)), one.permits) for one in found] == counts
