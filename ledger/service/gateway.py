"""What one gateway is made of, and the two things that every use case needs: the head and the log.

A decision is provisional until it is sequenced: use cases read a patient's state at some version, and
`Gateway.append` refuses with `PatientChanged` when another act was sequenced in between.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from ledger.chain.deployment import Deployment
from ledger.chain.follower import Follower
from ledger.chain.relayer import Relayer
from ledger.crypto.typed import Domain, consent_domain, gateway_domain, records_domain
from ledger.errors import Conflict, InvalidInput, Undecidable
from ledger.ids import Address, Did, did_of, parse_did
from ledger.log.entry import NO_PATIENT, EntryKind
from ledger.log.journal import Appended, Draft, Journal
from ledger.records.blocks import BlockStore
from ledger.service.keys import GatewayKeys
from ledger.service.madeup import MadeUpTags
from ledger.service.states import PatientStates
from ledger.store.database import Database
from ledger.store.keptstops import KeptStops
from ledger.store.repositories import Repositories
from ledger.store.vault import DataKeys

AHEAD_SECONDS = 300
"""How far the chain's clock may run ahead of ours; an auditor allows as much."""
ENTRY_FORMAT = "consent-ledger/entry/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How this gateway answers.

    origin: the URL under which clients reach it, without a trailing slash.
    level: how deep a consent must be on chain before it permits (``seen``, ``safe``, ``final``).
    max_head_age: seconds after which the last known block is too old to decide on.
    relay_delay: recordings wait a random time up to this many seconds before they go on chain.
    anchor_interval: seconds between anchors while the log grows.
    session_seconds: how long a sign-in lasts.
    key_backup_days: how long a backup of the data key store is kept at most.
    acts_per_hour: how many consents of one patient are recorded within an hour at most.
    emergencies_per_day: how many emergencies one provider may declare within 24 hours.
    review_days: how soon somebody must review an emergency.
    webhook_allow: authorities (``host:port``) that webhooks may name though they are not public.
    """

    origin: str
    level: str = "seen"
    max_head_age: int = 60
    relay_delay: int = 0
    anchor_interval: int = 60
    session_seconds: int = 900
    key_backup_days: int = 30
    acts_per_hour: int = 120
    emergencies_per_day: int = 20
    review_days: int = 7
    webhook_allow: frozenset[str] = frozenset()

    @property
    def domain(self) -> str:
        """The authority of the origin, as sign-in messages name it."""
        return self.origin.split("://", 1)[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadFacts:
    """The chain as a decision saw it: the head at the configured level and the last final block."""

    number: int
    hash: str
    time: int
    final: int

    def as_json(self) -> dict[str, Any]:
        """The form that log entries carry."""
        return {"number": self.number, "hash": self.hash, "time": self.time, "final": self.final}


def system_clock() -> datetime:
    """The machine's time, aware, UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """The parts of a gateway, wired once at start; use cases take it as their first argument.

    `wallet_takes` says whether the contract at an account takes a signature for a digest (ERC-1271).
    """

    settings: Settings
    deployment: Deployment
    keys: GatewayKeys
    db: Database
    data_keys: DataKeys
    journal: Journal
    follower: Follower
    relayer: Relayer
    blocks: BlockStore
    stores: Repositories
    states: PatientStates
    kept_stops: KeptStops
    randomness: Callable[[int], bytes]
    wallet_takes: Callable[[Address, bytes, bytes], bool]
    clock: Callable[[], datetime] = field(default=system_clock)

    @property
    def chain_id(self) -> int:
        """The chain that this gateway serves."""
        return self.deployment.chain_id

    @property
    def account(self) -> Address:
        """The gateway's own account: relayer and sender of anchors."""
        return self.keys.relayer.address

    @property
    def consent_domain(self) -> Domain:
        """EIP-712 domain of consents."""
        return consent_domain(self.chain_id, self.deployment.registry)

    @property
    def records_domain(self) -> Domain:
        """EIP-712 domain of keys, publications and capsule lists."""
        return records_domain(self.chain_id, self.deployment.registry)

    @property
    def gateway_domain(self) -> Domain:
        """EIP-712 domain of signed access requests."""
        return gateway_domain(self.chain_id)

    def did(self, account: Address) -> Did:
        """The did of an account on this gateway's chain."""
        return did_of(self.chain_id, account)

    def account_of(self, did: str) -> Address:
        """The account that a did names; InvalidInput (``other_chain``) unless it is one of this chain."""
        chain_id, account = parse_did(did)
        if chain_id != self.chain_id:
            raise InvalidInput("the did is of another chain than this gateway's", reason="other_chain")
        return account

    def look_up(self, account: Address) -> bytes:
        """The keyed look-up of an account."""
        return self.keys.look_up(self.did(account))

    def made_up_tag(self, account: Address) -> bytes:
        """The tag of entries about an account that nobody enrolled; receipts show no difference."""
        return MadeUpTags(self.keys.made_up_tags).tag(self.did(account))

    def ensure_data_key(self, tag: bytes) -> None:
        """Make a data key for `tag` unless it has one."""
        if self.data_keys.key(tag) is None:
            with suppress(Conflict):  # another thread was first
                self.data_keys.create(tag)

    def now_ms(self) -> int:
        """The clock in Unix milliseconds."""
        return int(self.clock().timestamp() * 1000)

    def head(self) -> HeadFacts:
        """The head to decide on.

        Raises:
            Undecidable: no block yet; the last one is older than ``max_head_age``, or made so much later than
                now that the clock must be wrong (fail closed).
        """
        facts = self.last_head()
        if facts is None:
            raise Undecidable(
                "the gateway has not seen the chain yet", reason="no_head", fix="Try again soon."
            )
        now, head = self.clock(), self.follower.head()
        if head.ahead(now) > AHEAD_SECONDS * 1000:
            raise Undecidable(
                "the gateway's clock is behind the chain, so that nobody knows how old its head is",
                reason="clock_behind",
                fix="Try again when the gateway's clock is right; the operator sees it on /readyz.",
            )
        if head.age(now) > self.settings.max_head_age * 1000:
            raise Undecidable(
                "the chain has not been heard of for too long, so nothing can be permitted",
                reason="stale_head",
                fix="Try again when the gateway reaches the chain; the operator sees it on /readyz.",
            )
        return facts

    def last_head(self) -> HeadFacts | None:
        """The last known head, however old; None before the first block."""
        index = self.follower.index
        with index.lock:
            header, final = index.head(self.settings.level), index.head("final")
        if header is None:
            return None
        return HeadFacts(
            number=header.number,
            hash=header.hash,
            time=header.timestamp,
            final=0 if final is None else final.number,
        )

    def last_final_head(self) -> HeadFacts | None:
        """The last block that is known to be final, however old; None before the first."""
        final = self.follower.index.head("final")
        if final is None:
            return None
        return HeadFacts(number=final.number, hash=final.hash, time=final.timestamp, final=final.number)

    def append(
        self,
        kind: EntryKind,
        *,
        head: HeadFacts | None,
        tag: bytes = NO_PATIENT,
        patient: Did | None = None,
        expect: int | None = None,
        within: Callable[[Connection, int], None] | None = None,
        **body: Any,  # noqa: ANN401
    ) -> Appended:
        """Sequence one entry, with the caller's rows in the same transaction.

        Raises:
            PatientChanged: the patient's version is no longer `expect`; nothing was written.
            StoreUnavailable: nothing was written.
        """
        draft = self.draft(kind, head=head, tag=tag, patient=patient, expect=expect, within=within, **body)
        return self.journal.append_many([draft])[0]

    def draft(
        self,
        kind: EntryKind,
        *,
        head: HeadFacts | None,
        tag: bytes = NO_PATIENT,
        patient: Did | None = None,
        expect: int | None = None,
        within: Callable[[Connection, int], None] | None = None,
        **body: Any,  # noqa: ANN401
    ) -> Draft:
        """The entry that `append` would sequence, for several in one transaction."""
        entry: dict[str, Any] = {"format": ENTRY_FORMAT, "kind": str(kind), **body}
        if head is not None:
            entry["head"] = head.as_json()
        if patient is not None:
            entry["patient"] = patient
        expected: Mapping[bytes, int] = {} if expect is None else {tag: expect}
        return Draft(tag=tag, entry=entry, expect=expected, within=within)
