"""What every step stands on: the chain as the auditor reads it, the limits, the clock, the tally."""

from dataclasses import dataclass, field

from ledger.audit.tally import Tally
from ledger.chain.deployment import Deployment
from ledger.chain.index import ChainIndex
from ledger.crypto.typed import Domain, consent_domain, gateway_domain, records_domain


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an auditor accepts.

    anchor_seconds: how long an entry may wait for the first anchor that covers it.
    orphan_depth: how deep a block may have been dropped by the chain after the log relied on it.
    slack_seconds: how much later than its limits something may be sequenced.
    ahead_seconds: how far a clock may run ahead of another.
    """

    anchor_seconds: int = 7200
    orphan_depth: int = 64
    slack_seconds: int = 10
    ahead_seconds: int = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """One audit's own facts; none of them is from the gateway. ``now`` in Unix milliseconds.

    origin: of the log, as the auditor trusts it.
    saved: the log is a copy made earlier, so the chain may have anchored more since.
    """

    chain: ChainIndex
    now: int
    origin: str
    limits: Limits = field(default_factory=Limits)
    saved: bool = False
    tally: Tally = field(default_factory=Tally)

    @property
    def deployment(self) -> Deployment:
        """The contracts."""
        return self.chain.deployment

    @property
    def chain_id(self) -> int:
        """The chain of accounts and signatures."""
        return self.deployment.chain_id

    @property
    def tip(self) -> int:
        """The number of the last block that the auditor read; -1 if there is none."""
        tip = self.chain.tip
        return -1 if tip is None else tip.number

    @property
    def consents(self) -> Domain:
        """EIP-712 domain of consents, bindings and revocations."""
        return consent_domain(self.chain_id, self.deployment.registry)

    @property
    def records(self) -> Domain:
        """EIP-712 domain of publications, enrolments and erasures."""
        return records_domain(self.chain_id, self.deployment.registry)

    @property
    def requests(self) -> Domain:
        """EIP-712 domain of signed access requests."""
        return gateway_domain(self.chain_id)
