"""Whoever was stopped opens nothing new, whatever they kept: random histories against a model of the rules.

Two attackers. One is a grantee who keeps every key and capsule that they were ever handed, and has all of
IPFS: what they had been given is exactly what they can open. The other also has all that the gateway ever
held: they get no record of a compartment in which, from its publication on, they could see nothing.
"""

import os
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from io import BytesIO
from itertools import product
from pathlib import Path

import pytest

from ledger.canonical import unb64
from ledger.client.drafting import Wish
from ledger.client.publications import VerifiedRecord
from ledger.client.releases import Question, VerifiedRelease, released
from ledger.consent.selection import Selection
from ledger.crypto.sealing import capsule_info, open_capsule
from ledger.errors import AccessDenied, CapsuleInvalid
from ledger.ids import Cid, ConsentId, parse_word
from ledger.records.filerecords import file_record
from ledger.records.opening import open_record
from tests.network import Network, Person, eventually

HISTORIES = int(os.environ.get("CONSENT_EPOCH_HISTORIES", "3"))
ACTS = 12
CLASSES = ("labs", "problems")
MARKS: tuple[tuple[str, ...], ...] = ((), ("PSY",))


Kind = tuple[str, tuple[str, ...]]
"""Class and marks: a compartment."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A consent as the model knows it: it shares all but some marks, which it refuses; or it refuses all."""

    people: frozenset[int]
    classes: frozenset[str]
    without: frozenset[str]
    deny: bool

    def says(self, person: int, kind: Kind) -> bool | None:
        """Yes, no, or nothing."""
        record_class, marks = kind
        if person not in self.people or record_class not in self.classes:
            return None
        return not self.deny and self.without.isdisjoint(marks)


@dataclass
class Kept:
    """A record as the model knows it: where it belongs, and when it was published."""

    kind: Kind
    digest: str
    at: int


@dataclass
class Attacker:
    """A grantee, and all they ever got hold of."""

    person: Person
    secrets: dict[tuple[bytes, int], bytes] = field(default_factory=dict)
    capsules: dict[Cid, VerifiedRecord] = field(default_factory=dict)
    stolen: dict[tuple[bytes, int], set[bytes]] = field(default_factory=dict)


@dataclass
class History:
    """One patient, three providers, and the same acts in the product and in a model of the rules."""

    network: Network
    alice: Person
    attackers: list[Attacker]
    folder: Path
    choice: random.Random
    rules: dict[ConsentId, Rule] = field(default_factory=dict)
    records: dict[Cid, Kept] = field(default_factory=dict)
    permitted: list[list[set[Cid]]] = field(default_factory=list)
    story: list[str] = field(default_factory=list)

    def act(self) -> None:
        acts: list[Callable[[], None]] = [self.add, self.add, self.share, self.refuse]
        if self.rules:
            acts += [self.stop, self.stop]
        self.choice.choice(acts)()
        self.observe()

    def add(self, kind: Kind | None = None) -> None:
        kind = kind or (self.choice.choice(CLASSES), self.choice.choice(MARKS))
        content = self.choice.randbytes(self.choice.randint(1, 400))
        path = self.folder / f"{len(self.records)}.bin"
        path.write_bytes(content)
        header = file_record(
            path,
            patient=self.alice.did,
            record_class=kind[0],
            media_type="application/octet-stream",
            labels=kind[1],
        )
        root = self.network.patient(self.alice).publish_file(path, header).root
        self.records[root] = Kept(kind=kind, digest=sha256(content).hexdigest(), at=len(self.permitted))
        self.story.append(f"add {kind}")

    def share(self) -> None:
        self.file(self._people(), self._classes(), without=frozenset(self.choice.choice(MARKS)))

    def refuse(self) -> None:
        self.file(self._people(), self._classes(), deny=True)

    def _people(self) -> frozenset[int]:
        return frozenset(self.choice.sample(range(3), self.choice.randint(1, 2)))

    def _classes(self) -> frozenset[str]:
        return frozenset(self.choice.sample(CLASSES, self.choice.randint(1, 2)))

    def file(
        self,
        people: frozenset[int],
        classes: frozenset[str],
        *,
        without: frozenset[str] = frozenset(),
        deny: bool = False,
    ) -> None:
        wish = Wish(
            grantees=[self.attackers[one].person.did for one in sorted(people)],
            purposes=["TREAT"],
            which=Selection(classes=sorted(classes)),
            exceptions=[Selection(labels=sorted(without))] if without else (),
            deny=deny,
        )
        patient = self.network.patient(self.alice)
        done = patient.file(patient.draft(wish))
        self.network.wait_active(done.consent)
        self.rules[done.consent] = Rule(people=people, classes=classes, without=without, deny=deny)
        self.story.append(f"{'refuse' if deny else 'share'} {sorted(people)} {sorted(classes)} {without}")

    def stop(self) -> None:
        consent = self.choice.choice(sorted(self.rules))
        self.network.patient(self.alice).revoke(consent)
        self._final(consent)
        self.network.patient(self.alice).reseal()
        del self.rules[consent]
        self.story.append("stop")

    def _final(self, consent: ConsentId) -> None:
        """Until the stop is final; a NO counts until then."""
        index = self.network.stack.server.gateway.follower.index
        eventually(lambda: index.ended_number(consent) is not None)
        self.network.send_blocks()
        ended = index.ended_number(consent)
        assert ended is not None
        eventually(lambda: (final := index.head("final")) is not None and final.number >= ended)

    def may(self, person: int, kind: Kind) -> bool:
        """What the rules say."""
        votes = {rule.says(person, kind) for rule in self.rules.values()}
        return True in votes and False not in votes

    def observe(self) -> None:
        """Everybody reads what they can get, and keeps all of it; the rules say what that must be."""
        now = []
        for number, attacker in enumerate(self.attackers):
            allowed = {root for root, kept in self.records.items() if self.may(number, kept.kind)}
            assert self._read(attacker) == allowed, self.story
            now.append(allowed)
        self.permitted.append(now)
        self._steal()

    def _read(self, attacker: Attacker) -> set[Cid]:
        provider = self.network.provider(attacker.person)
        try:
            release = released(provider._context, Question(patient=self.alice.did, purposes=("TREAT",)))
        except AccessDenied:
            return set()
        assert release.waiting == (), self.story
        attacker.secrets.update(release.secrets)
        for record in release.records:
            attacker.capsules[record.root] = record
        return {record.root for record in release.records if self._opens(release, record)}

    def _opens(self, release: VerifiedRelease, record: VerifiedRecord) -> bool:
        secret = release.secrets[record.compartment, record.epoch]
        return self.opened(record, secret) == self.records[record.root].digest

    def opened(self, record: VerifiedRecord, secret: bytes, epoch: int | None = None) -> str | None:
        """SHA-256 of the plaintext that a compartment's secret gives, None if it gives none."""
        buffer = BytesIO()
        with suppress(CapsuleInvalid):
            open_record(
                record.root,
                record.header,
                record.capsule,
                secret=secret,
                epoch=record.epoch if epoch is None else epoch,
                blocks=self.network.blocks(),
                sink=buffer,
                streaming=True,
            )
            return sha256(buffer.getvalue()).hexdigest()
        return None

    def _steal(self) -> None:
        """Every grant capsule in the gateway's database, whoever it is for, tried with everybody's keys."""
        gateway = self.network.stack.server.gateway
        tag = bytes.fromhex(self.alice.identity.erasure.address[2:])
        with gateway.db.read() as connection:
            held = [
                (consent, item)
                for consent in self.rules
                for item in (gateway.stores.consents.capsules(connection, tag, consent) or {"list": []})[
                    "list"
                ]
            ]
        for (consent, item), attacker in product(held, self.attackers):
            info = capsule_info(
                kind="grant",
                consent=consent,
                patient=self.alice.did,
                compartment=item["compartment"],
                epoch=item["epoch"],
                recipient=attacker.person.did,
            )
            with suppress(CapsuleInvalid):
                key = open_capsule(
                    attacker.person.identity.encryption_secret(1), unb64(item["capsule"]), info
                )
                attacker.stolen.setdefault((parse_word(item["compartment"]), item["epoch"]), set()).add(key)

    def check(self) -> None:
        """What each could open with all that they kept, and with all that the gateway held."""
        mine = {record.root: record for record in self.network.patient(self.alice).records()}
        assert mine.keys() == self.records.keys()
        for number, attacker in enumerate(self.attackers):
            kept = {
                root
                for root, record in attacker.capsules.items()
                if any(self.opened(record, secret) for secret in attacker.secrets.values())
            }
            assert kept == {root for root in mine if self.ever(number, root)}, self.story
            everything = {key for keys in attacker.stolen.values() for key in keys} | set(
                attacker.secrets.values()
            )
            for root, record in mine.items():
                opens = any(
                    self.opened(record, secret, epoch)
                    for secret, epoch in product(everything, range(record.epoch + 1))
                )
                if self.ever(number, root):
                    assert opens, self.story
                elif self.shut(number, root):
                    assert not opens, (self.story, number, self.records[root])

    def ever(self, person: int, root: Cid) -> bool:
        """Whether the rules ever gave this record to this person."""
        return any(root in now[person] for now in self.permitted)

    def shut(self, person: int, root: Cid) -> bool:
        """Whether this person could see nothing of the record's compartment since it was published."""
        kept = self.records[root]
        akin = {other for other, one in self.records.items() if one.kind == kept.kind}
        return all(not akin & now[person] for now in self.permitted[kept.at :])


@pytest.fixture(scope="module")
def providers(network: Network) -> list[Person]:
    return [network.admitted(f"Epoch Clinic {number}") for number in range(3)]


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_exactly_what_was_given_opens(
    network: Network, providers: list[Person], tmp_path: Path, seed: int
) -> None:
    choice = random.Random(f"epochs {seed}")  # noqa: S311 - a repeatable walk
    history = History(
        network=network,
        alice=network.enrolled(),
        attackers=[Attacker(person) for person in providers],
        folder=tmp_path,
        choice=choice,
    )
    for _ in range(ACTS):
        history.act()
    history.check()


@pytest.mark.parametrize("together", [True, False], ids=["in one consent with another", "alone"])
def test_who_is_refused_opens_nothing_that_comes_later(
    network: Network, providers: list[Person], tmp_path: Path, together: bool
) -> None:
    """A NO of one's own ends the epochs of whom it shuts out, also where somebody else may go on reading."""
    history = History(
        network=network,
        alice=network.enrolled(),
        attackers=[Attacker(person) for person in providers],
        folder=tmp_path,
        choice=random.Random(7),  # noqa: S311 - contents only
    )
    kind = ("labs", ())
    history.add(kind)
    history.file(frozenset({0, 1} if together else {0}), frozenset({"labs"}))
    history.observe()
    history.file(frozenset({0}), frozenset({"labs"}), deny=True)
    history.add(kind)
    history.observe()
    history.check()
    new = max(history.records.values(), key=lambda kept: kept.at)
    assert [root in history.permitted[-1][1] for root, kept in history.records.items() if kept is new] == [
        together
    ]
