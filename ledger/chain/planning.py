"""What is still to be done so that the three contracts are on a chain, and its cost. Nothing is sent here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from ledger.chain.answers import (
    base_fee_in,
    block_call,
    header_in,
    nonsense,
    octets,
    priority_fee_in,
    quantity,
)
from ledger.chain.blueprint import Blueprint, Target
from ledger.chain.create2 import PROXY, PROXY_CREATION, PROXY_CREATOR, PROXY_PRICE, require_proxy
from ledger.chain.facts import BlockHeader, FeeMarket
from ledger.chain.rpc import Rpc
from ledger.chain.transactions import Fees
from ledger.errors import ChainUnreachable, InvalidInput, VerificationFailed
from ledger.ids import Address, Digest

FUNDING, PROXY_STEP = "funding of the proxy's creator", "deployment proxy"
_TRANSFER_GAS = 21_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One transaction; it is done when there is code at ``creates``, or, without that, its value has arrived.

    ``gas`` is the estimate, ``limit`` what it may use at most. ``presigned`` bytes cost the sender nothing.
    """

    name: str
    to: Address
    data: bytes = field(default=b"", repr=False)
    value: int = 0
    gas: int = 0
    limit: int = 0
    creates: Address | None = None
    presigned: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a sender would do at a head, at fees that are never exceeded; no steps if all is there."""

    chain_id: int
    genesis: Digest
    head: BlockHeader
    sender: Address
    owner: Address
    balance: int
    market: FeeMarket
    fees: Fees
    blueprint: Blueprint
    steps: tuple[Step, ...]

    @property
    def cost(self) -> int:
        """Wei, at the fees of the head."""
        return self._sum([step.gas for step in self.steps], self.market.base_fee + self.fees.tip)

    @property
    def most(self) -> int:
        """Wei that the sender must hold: no step can cost more than its part of it."""
        return self._sum([step.limit for step in self.steps], self.fees.max_fee)

    @property
    def gas(self) -> int:
        """What all steps are estimated to use."""
        return sum(step.gas for step in self.steps)

    @property
    def lacking(self) -> int:
        """Wei that the sender does not hold of what it must."""
        return max(self.most - self.balance, 0)

    def missing(self, target: Target) -> bool:
        """Whether a contract is not there yet."""
        return any(step.creates == target.address for step in self.steps)

    def _sum(self, gas: Sequence[int], price: int) -> int:
        return sum(gas) * price + sum(step.value for step in self.steps)


def make_plan(rpc: Rpc, *, sender: Address, blueprint: Blueprint, owner: Address) -> Plan:
    """Look at the chain.

    Raises:
        ChainUnreachable: the node does not answer, or cannot estimate what a creation needs (``rpc_error``).
        VerificationFailed: something else is where the proxy must be (``foreign_proxy``), or the proxy can
            never be put there (``proxy_impossible``).
    """
    answers = rpc.batch(
        [
            ("eth_chainId", ()),
            block_call(0),
            block_call("latest"),
            ("eth_maxPriorityFeePerGas", ()),
            ("eth_getBalance", (sender, "latest")),
            *(("eth_getCode", (address, "latest")) for address in (PROXY, *blueprint.addresses)),
        ]
    )
    genesis, head = header_in(answers[1]), header_in(answers[2])
    if genesis is None or head is None:
        raise nonsense()
    market = FeeMarket(base_fee=base_fee_in(answers[2]), priority_fee=priority_fee_in(answers[3]))
    proxy, *codes = (octets(answer.value()) for answer in answers[5:])
    missing = [target for target, code in zip(blueprint.targets, codes, strict=True) if not code]
    return Plan(
        chain_id=quantity(answers[0].value()),
        genesis=genesis.hash,
        head=head,
        sender=sender,
        owner=owner,
        balance=quantity(answers[4].value()),
        market=market,
        fees=Fees.at(market, urgent=False),
        blueprint=blueprint,
        steps=tuple(_steps(rpc, sender, missing, proxy)),
    )


def require_funds(plan: Plan) -> None:
    """Refuse a plan that its sender cannot pay for.

    Raises:
        InvalidInput: (``insufficient_funds``).
    """
    if plan.lacking:
        held, needed = in_ether(plan.balance), in_ether(plan.most)
        raise InvalidInput(
            f"the account holds {held} ether and may need {needed}, so nothing was sent",
            reason="insufficient_funds",
            fix=f"Send {plan.sender} at least {in_ether(plan.lacking)} ether more.",
        )


def in_ether(wei: int) -> str:
    """An amount of wei in ether, exactly."""
    return f"{(Decimal(wei) / 10**18).normalize():f}"


def _steps(rpc: Rpc, sender: Address, missing: Sequence[Target], proxy: bytes) -> Iterator[Step]:
    if not missing:
        return
    if proxy:
        require_proxy(proxy)
    else:
        yield from _proxy_steps(rpc)
    for target, gas in _estimated(rpc, sender, missing, proxied=bool(proxy)):
        yield Step(
            name=target.name,
            to=PROXY,
            data=target.call,
            gas=gas,
            limit=gas * 5 // 4 + 10_000,
            creates=target.address,
        )


def _proxy_steps(rpc: Rpc) -> Iterator[Step]:
    if rpc.nonce(PROXY_CREATOR):
        raise VerificationFailed(
            "the deployment proxy's only transaction was used up on this chain without creating it",
            reason="proxy_impossible",
            fix="Do not deploy here: on this chain addresses would not follow from the code.",
        )
    lacking = PROXY_PRICE - rpc.balance(PROXY_CREATOR)
    if lacking > 0:
        yield Step(name=FUNDING, to=PROXY_CREATOR, value=lacking, gas=_TRANSFER_GAS, limit=_TRANSFER_GAS)
    yield Step(name=PROXY_STEP, to=PROXY, creates=PROXY, presigned=PROXY_CREATION)


def _estimated(
    rpc: Rpc, sender: Address, missing: Sequence[Target], *, proxied: bool
) -> list[tuple[Target, int]]:
    """What is still missing, and the gas of each creation.

    A creation that was on its way may arrive just now: then it cannot be estimated, and need not be.
    """
    while missing:
        try:
            return list(zip(missing, _estimates(rpc, sender, missing, proxied=proxied), strict=True))
        except ChainUnreachable as exc:
            still = [target for target in missing if not rpc.code(target.address)]
            if exc.reason != "rpc_error" or still == missing:
                raise
            missing = still
    return []


def _estimates(rpc: Rpc, sender: Address, missing: Sequence[Target], *, proxied: bool) -> list[int]:
    """Gas of each creation; without a proxy that of a plain one, and what the way through the proxy adds.

    As of the head: in the pending state a creation that is on its way already would fail.
    """
    calls = [
        {"from": sender, "to": PROXY, "data": "0x" + target.call.hex()}
        if proxied
        else {"from": sender, "data": "0x" + target.init_code.hex()}
        for target in missing
    ]
    found = [
        quantity(answer.value())
        for answer in rpc.batch([("eth_estimateGas", (call, "latest")) for call in calls])
    ]
    return found if proxied else [gas + gas // 32 + 5_000 for gas in found]
