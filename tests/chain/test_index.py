"""The index is a pure function of the chain, whatever was added and rolled back on the way."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.chain.deployment import Deployment
from ledger.chain.events import (
    Anchored,
    EncryptionKeySet,
    Event,
    ParticipantAdmitted,
    ParticipantReinstated,
    ParticipantSuspended,
    Recorded,
    Revoked,
    RevokedAll,
)
from ledger.chain.facts import BlockHeader
from ledger.chain.index import ChainConsent, ChainIndex, ChainState, ParticipantState
from ledger.errors import Bug, InvalidInput, Undecidable
from ledger.ids import Address, ConsentId, Digest, consent_id, digest
from tests.chain.conftest import account

PEOPLE = [account(f"person {number}").address for number in range(3)]
CONSENTS = [consent_id(bytes([number]) * 32) for number in range(3)]
DEPLOYMENT = Deployment(chain_id=1, registry=PEOPLE[0], directory=PEOPLE[1], anchor=PEOPLE[2], block=5)
LEVELS = ("seen", "safe", "final")

Draft = tuple[str, int, int]
"""What an event is, whom and what it is about; the block it gets into says the rest."""

drafts = st.tuples(
    st.sampled_from(
        ["record", "record", "revoke", "revoke all", "admit", "suspend", "reinstate", "key", "anchor"]
    ),
    st.integers(0, 1),
    st.integers(0, len(CONSENTS) - 1),
)
moves: st.SearchStrategy[tuple[str, int, list[Draft]]] = st.one_of(
    st.tuples(st.just("block"), st.integers(1, 3), st.lists(drafts, max_size=4)),
    st.tuples(st.just("rollback"), st.integers(0, 6), st.just([])),
)


@dataclass
class Model:
    """A chain as a list of blocks with their events, and the questions answered by looking at all of them."""

    blocks: list[tuple[BlockHeader, list[Event]]] = field(default_factory=list)
    salt: int = 0

    def grow(self, gap: int, wanted: Sequence[Draft]) -> tuple[BlockHeader, list[Event]]:
        """A block `gap` above the last, with those of the events that contracts could emit there."""
        self.salt += 1
        number = self.blocks[-1][0].number + gap if self.blocks else DEPLOYMENT.block
        parent = self.blocks[-1][0].hash if self.blocks and gap == 1 else name("gap", self.salt)
        header = BlockHeader(
            number=number, hash=name("block", self.salt), parent=parent, timestamp=1_000 + 12 * number
        )
        events: list[Event] = []
        self.blocks.append((header, events))
        for draft in wanted:
            event = self.event(header, len(events), draft)
            if event is not None:
                events.append(event)
        return self.blocks[-1]

    def event(self, header: BlockHeader, position: int, draft: Draft) -> Event | None:
        what, person, thing = draft
        who, consent = PEOPLE[person], CONSENTS[thing]
        place: dict[str, Any] = {
            "number": header.number,
            "block_hash": header.hash,
            "log_index": position,
            "transaction": name("transaction", position),
        }
        epoch, admitted = self.epoch(who, header.number), self.participant(who, header.number)
        match what:
            case "record" if not self.about(Recorded, consent) and not self.about(Revoked, consent):
                until = 1_000 + 12 * (header.number + 2)
                return Recorded(**place, consent=consent, controller=who, epoch=epoch, until=until)
            case "revoke" if not self.about(Revoked, consent):
                return Revoked(**place, consent=consent, controller=who)
            case "revoke all":
                return RevokedAll(**place, controller=who, new_epoch=epoch + 1)
            case "admit":
                return ParticipantAdmitted(**place, participant=who, roles=1 + thing, profile=bytes(32))
            case "suspend" if admitted:
                return ParticipantSuspended(**place, participant=who)
            case "reinstate" if admitted:
                return ParticipantReinstated(**place, participant=who)
            case "key" if admitted:
                return EncryptionKeySet(
                    **place, participant=who, key=bytes([thing]) * 32, version=admitted.key_version + 1
                )
            case "anchor":
                return Anchored(**place, sender=who, old_size=0, new_size=header.number, root=bytes(32))
        return None

    def events(self, at: int) -> list[Event]:
        return [event for header, events in self.blocks if header.number <= at for event in events]

    def about(self, kind: type[Recorded] | type[Revoked], consent: ConsentId, at: int = 10**6) -> list[Event]:
        return [event for event in self.events(at) if isinstance(event, kind) and event.consent == consent]

    def epoch(self, who: Address, at: int) -> int:
        return sum(isinstance(event, RevokedAll) and event.controller == who for event in self.events(at))

    def consent(self, consent: ConsentId, at: int) -> ChainConsent | None:
        found, ended = None, None
        for header, events in self.blocks:
            for event in events if header.number <= at else ():
                if isinstance(event, Recorded) and event.consent == consent:
                    found = (header, event)
                own = isinstance(event, Revoked) and event.consent == consent
                whole = isinstance(event, RevokedAll) and found and found[1].controller == event.controller
                if (own or whole) and ended is None:
                    ended = header.number
        if found is None:
            return None
        header, event = found
        return ChainConsent(
            id=consent,
            controller=event.controller,
            epoch=event.epoch,
            until=event.until,
            recorded_number=header.number,
            recorded_hash=header.hash,
            recorded_at=header.timestamp,
            transaction=event.transaction,
            ended_number=ended,
        )

    def participant(self, who: Address, at: int) -> ParticipantState | None:
        known: ParticipantState | None = None
        values = {"roles": 0, "suspended": False, "profile": bytes(32), "key": bytes(32), "key_version": 0}
        for event in self.events(at):
            if getattr(event, "participant", None) != who:
                continue
            match event:
                case ParticipantAdmitted():
                    values |= {"roles": event.roles, "profile": event.profile}
                case ParticipantSuspended():
                    values["suspended"] = True
                case ParticipantReinstated():
                    values["suspended"] = False
                case EncryptionKeySet():
                    values |= {"key": event.key, "key_version": event.version}
            known = ParticipantState(**values)  # type: ignore[arg-type]
        return known


def name(kind: str, number: int) -> Digest:
    return digest(sha256(f"{kind} {number}".encode()).digest())


def walk(path: Sequence[tuple[str, int, list[Draft]]]) -> tuple[ChainIndex, Model]:
    """The index and the model after the same moves."""
    index, model = ChainIndex(DEPLOYMENT), Model()
    for move, size, wanted in path:
        if move == "block":
            index.add_block(*model.grow(size, wanted))
        elif model.blocks:
            number = model.blocks[-1][0].number - size
            model.blocks = [block for block in model.blocks if block[0].number <= number]
            index.rollback(number)
    return index, model


@settings(max_examples=150, deadline=None)
@given(st.lists(moves, max_size=25))
def test_every_question_as_of_every_block_has_the_models_answer(
    path: list[tuple[str, int, list[Draft]]],
) -> None:
    index, model = walk(path)
    for at in {header.number for header, _ in model.blocks}:
        for consent in CONSENTS:
            expected = model.consent(consent, at)
            tombstones = model.about(Revoked, consent, at)
            assert index.consent(consent, at) == expected
            assert index.revocation(consent, at) == (tombstones[0] if tombstones else None)
            ends = [expected.ended_number] if expected and expected.ended_number is not None else []
            ends += [event.number for event in tombstones]
            assert index.ended_number(consent, at) == min(ends, default=None)
        for who in PEOPLE:
            assert index.epoch_of(who, at) == model.epoch(who, at)
            assert index.participant(who, at) == model.participant(who, at)
            anchors = [
                event for event in model.events(at) if isinstance(event, Anchored) and event.sender == who
            ]
            assert index.anchors(who, at) == anchors
        assert set(index.participants(at)) == {who for who in PEOPLE if model.participant(who, at)}


@settings(max_examples=150, deadline=None)
@given(st.lists(moves, max_size=25))
def test_what_was_rolled_back_leaves_no_trace(path: list[tuple[str, int, list[Draft]]]) -> None:
    index, model = walk(path)
    fresh = ChainIndex(DEPLOYMENT)
    for block in model.blocks:
        fresh.add_block(*block)
    assert index._history == fresh._history
    assert index.headers() == fresh.headers()
    assert index.tip == fresh.tip
    assert index.controllers_seen() == fresh.controllers_seen()


@settings(max_examples=100, deadline=None)
@given(st.lists(moves, min_size=1, max_size=25), st.integers(0, 40))
def test_pruning_changes_no_answer(path: list[tuple[str, int, list[Draft]]], below: int) -> None:
    index, model = walk(path)
    last = model.blocks[-1][0].number if model.blocks else 0
    index.prune(min(below, last))
    for at in {header.number for header, _ in model.blocks}:
        assert [index.consent(consent, at) for consent in CONSENTS] == [
            model.consent(consent, at) for consent in CONSENTS
        ]
    assert index.tip == (model.blocks[-1][0] if model.blocks else None)


def grown(*wanted: Sequence[Draft]) -> tuple[ChainIndex, Model]:
    return walk([("block", 1, list(drafts_)) for drafts_ in wanted])


def test_until_is_exclusive() -> None:
    index, _ = grown([("record", 0, 0)])
    found, number = index.consent(CONSENTS[0]), DEPLOYMENT.block
    assert found is not None
    assert index.is_active(CONSENTS[0], number, found.until - 1)
    assert not index.is_active(CONSENTS[0], number, found.until)
    assert not index.is_active(CONSENTS[0], number, datetime.fromtimestamp(found.until, UTC))


def test_a_consent_is_not_active_in_the_block_that_ends_it() -> None:
    index, _ = grown([("record", 0, 0)], [], [("revoke", 0, 0)])
    first = DEPLOYMENT.block
    assert index.is_active(CONSENTS[0], first + 1, 0)
    assert not index.is_active(CONSENTS[0], first + 2, 0)
    assert index.ended_number(CONSENTS[0]) == first + 2
    assert index.ended_number(CONSENTS[0], first + 1) is None


def test_the_first_of_two_ends_counts() -> None:
    by_id, _ = grown([("record", 0, 0)], [("revoke", 0, 0)], [("revoke all", 0, 0)])
    by_epoch, _ = grown(
        [("record", 0, 0)], [("revoke all", 0, 0)], [("revoke all", 0, 0)], [("revoke", 0, 0)]
    )
    assert by_id.ended_number(CONSENTS[0]) == by_epoch.ended_number(CONSENTS[0]) == DEPLOYMENT.block + 1


def test_a_consent_of_a_new_epoch_is_not_ended_by_the_old_one() -> None:
    index, _ = grown([("record", 0, 0)], [("revoke all", 0, 0), ("record", 0, 1)])
    assert index.state(CONSENTS[0]) is ChainState.ENDED
    assert index.state(CONSENTS[1]) is ChainState.ACTIVE


def test_a_tombstone_has_ended_what_was_never_recorded() -> None:
    index, _ = grown([("revoke", 0, 0)])
    assert index.consent(CONSENTS[0]) is None
    assert index.state(CONSENTS[0]) is ChainState.ENDED
    assert index.ended_number(CONSENTS[0]) == DEPLOYMENT.block


def test_levels_have_their_own_heads() -> None:
    index, model = grown([("record", 0, 0)], [], [], [("revoke", 0, 0)])
    headers = [header for header, _ in model.blocks]
    assert [index.head(level) for level in LEVELS] == [headers[3], None, None]
    assert index.state(CONSENTS[0], "final") is ChainState.NONE
    index.mark(safe=headers[2], final=headers[1])
    assert [index.head(level) for level in LEVELS] == [headers[3], headers[2], headers[1]]
    assert [index.state(CONSENTS[0], level) for level in LEVELS] == [
        ChainState.ENDED,
        ChainState.ENDED,
        ChainState.ACTIVE,
    ]
    index.rollback(headers[1].number)
    assert [index.head(level) for level in LEVELS] == [headers[1], None, headers[1]]
    with pytest.raises(InvalidInput):
        index.head("latest")


def test_nothing_is_said_about_blocks_above_the_tip() -> None:
    index, _ = grown([("record", 0, 0)])
    above = DEPLOYMENT.block + 1
    for ask in (
        lambda: index.consent(CONSENTS[0], above),
        lambda: index.is_active(CONSENTS[0], above, 0),
        lambda: index.epoch_of(PEOPLE[0], above),
        lambda: index.participants(above),
        lambda: index.ended_number(CONSENTS[0], above),
    ):
        with pytest.raises(Undecidable):
            ask()


def test_blocks_that_do_not_fit_are_refused() -> None:
    index, model = grown([], [])
    tip = model.blocks[-1][0]
    orphan = BlockHeader(number=tip.number + 1, hash=name("x", 0), parent=name("x", 1), timestamp=0)
    other = Revoked(
        number=orphan.number,
        block_hash=name("x", 2),
        log_index=0,
        transaction=name("x", 3),
        consent=CONSENTS[0],
        controller=PEOPLE[0],
    )
    child = BlockHeader(number=tip.number + 1, hash=name("x", 0), parent=tip.hash, timestamp=0)
    for header, events in ((tip, []), (orphan, []), (child, [other])):
        with pytest.raises(Bug):
            index.add_block(header, events)
    assert index.tip == tip
    assert index.events() == []


def test_left_out_headers_are_fetched_below_the_tip_only() -> None:
    asked: list[int] = []

    def fetch(number: int) -> BlockHeader:
        asked.append(number)
        return BlockHeader(
            number=number, hash=name("f", number), parent=name("f", number - 1), timestamp=number
        )

    index, model = ChainIndex(DEPLOYMENT, fetch=fetch), Model()
    index.add_block(*model.grow(1, []))
    index.add_block(*model.grow(3, []))
    below = index.header(DEPLOYMENT.block + 1)
    assert below is not None
    assert below.timestamp == DEPLOYMENT.block + 1
    assert index.header(DEPLOYMENT.block) == model.blocks[0][0]
    assert index.header(DEPLOYMENT.block + 4) is None
    assert asked == [DEPLOYMENT.block + 1]
