"""Putting the three contracts on a chain: never twice, and from wherever it was interrupted.

One transaction after the other, each kept (`ledger.chain.intents`) before it is broadcast. What has happened
is told by code at the addresses that follow from the code, and by receipts and nonces; never by an error's
text.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from contracts import CONTRACTS, artifact
from ledger.chain.answers import receipt_call, receipt_in
from ledger.chain.blueprint import SALT, Blueprint
from ledger.chain.create2 import PROXY, PROXY_CREATOR, PROXY_PRICE, require_proxy
from ledger.chain.deployment import Deployment
from ledger.chain.facts import Receipt
from ledger.chain.intents import Intents
from ledger.chain.planning import Plan, Step, make_plan, require_funds
from ledger.chain.presence import first_block, wait
from ledger.chain.rpc import Rpc
from ledger.chain.transactions import SignedTransaction, Transaction, hash_of, sign_transaction
from ledger.chain.verification import require_verified, verify
from ledger.crypto.identity import Account
from ledger.errors import ChainUnreachable, Conflict
from ledger.ids import Address, Digest

_PAUSE = 0.05

Told = Callable[[Step, Digest], None]
"""Told of each transaction before it is broadcast."""


def deploy(
    rpc_url: str, key: Account, *, owner: Address | None = None, salt: bytes = SALT, patience: float = 60.0
) -> Deployment:
    """The three contracts on a chain, put there by `key` as far as they are not there yet, and verified.

    Args:
        rpc_url: the node to use.
        key: the account that pays.
        owner: who names accreditors in the directory; `key` itself if absent.
        salt: another one gives other contracts.
        patience: seconds to wait for each transaction.

    Raises:
        InvalidInput: the account has not enough ether (``insufficient_funds``).
        ChainUnreachable: the node does not answer, or the transactions do not get into blocks (``not_mined``)
            or fail there (``deployment_failed``).
        VerificationFailed: what is there is not what the artifacts are.
    """
    rpc = Rpc(rpc_url)
    try:
        belongs = owner or key.address
        blueprint = Blueprint.of(belongs, salt)
        plan = make_plan(rpc, sender=key.address, blueprint=blueprint, owner=belongs)
        intents = Intents(plan.genesis)
        if plan.steps:
            require_funds(plan)
            Deployer(rpc, plan, key, intents, patience=patience).run()
        return settled(rpc, plan, created_in(rpc, plan, intents) or 0)[0]
    finally:
        rpc.close()


def settled(rpc: Rpc, plan: Plan, block: int) -> tuple[Deployment, Sequence[str]]:
    """The deployment that a plan has led to, as of its first block; verified against the committed artifacts.

    With it come notes on what the node could not tell. Its owner may have handed the directory on since; for
    whom it was made is part of its address.

    Raises:
        ChainUnreachable: the node does not answer.
        VerificationFailed: what is there is not what the artifacts are.
    """
    deployment = plan.blueprint.deployment(plan.chain_id, block)
    verification = verify(rpc, deployment, {name: artifact(name) for name in CONTRACTS})
    require_verified(verification)
    return deployment, verification.notes


def created_in(rpc: Rpc, plan: Plan, intents: Intents) -> int | None:
    """The first block that has any of the three: by our receipts, else by the node's old states, if it can.

    Raises:
        ChainUnreachable: the node does not answer.
    """
    blocks = []
    for target in plan.blueprint.targets:
        receipts = receipts_of(rpc, intents.calling(PROXY, target.call))
        blocks.append([receipt.number for receipt in receipts if receipt.succeeded])
    if all(blocks):
        return min(min(found) for found in blocks)
    return first_block(rpc, plan.blueprint.addresses)


@dataclass(frozen=True, slots=True)
class Deployer:
    """Carries out one plan with the key of its sender."""

    rpc: Rpc
    plan: Plan
    key: Account
    intents: Intents
    patience: float = 60.0
    told: Told = lambda step, transaction: None

    def run(self) -> None:
        """Do every step that is not done yet.

        Raises:
            ChainUnreachable: the node does not answer or does not take a transaction (``not_accepted``,
                ``unprotected_refused``), or one gets into no block (``not_mined``) or fails there
                (``deployment_failed``). Running again goes on from there.
            Conflict: what is signed waits for a nonce that nothing has used (``nonce_gap``).
            VerificationFailed: the proxy is not what it must be.
        """
        for step in self.plan.steps:
            if step.to == PROXY and not step.presigned:
                require_proxy(self.rpc.code(PROXY))
            if not self._done(step):
                self._do(step)

    def _do(self, step: Step) -> None:
        sent = self._send(step)

        def is_over() -> bool:
            return self._done(step) or self._failed(sent)

        if not wait(is_over, self.patience, _PAUSE):
            raise ChainUnreachable(
                f"the transaction for {step.name} did not get into a block in time",
                reason="not_mined",
                fix="Look whether the chain moves, then run the command again; nothing is sent twice.",
                transaction=sent[-1],
            )
        if not self._done(step):
            raise ChainUnreachable(
                f"the chain refused the transaction for {step.name}",
                reason="deployment_failed",
                fix="Look it up on the chain; what it used of its gas is lost.",
                transaction=sent[-1],
            )

    def _send(self, step: Step) -> list[Digest]:
        """Broadcast a step's newest transaction; the hashes of all that may still be mined."""
        raws = [step.presigned] if step.presigned else [one.raw for one in self._attempts(step)]
        self.told(step, hash_of(raws[-1]))
        try:
            self.rpc.send_raw(raws[-1])
        except ChainUnreachable as exc:
            if exc.reason != "rpc_error":
                raise
            if not self._knows(hash_of(raws[-1])) and not self._done(step):
                raise _not_accepted(step, exc) from exc
        return [hash_of(raw) for raw in raws]

    def _attempts(self, step: Step) -> list[SignedTransaction]:
        """What is signed for a step, the last of it to be broadcast; anew only if nothing is on its way."""
        nonce = self.rpc.nonce(self.plan.sender)  # asked first: a later use shows in a receipt
        known = self.intents.calling(step.to, step.data)
        mined = [receipt.transaction for receipt in receipts_of(self.rpc, known) if receipt.succeeded]
        if mined:
            return [attempt for attempt in known if attempt.hash in mined]
        live = [attempt for attempt in known if attempt.transaction.nonce >= nonce]
        if not live:
            return [self._signed(step)]
        self._require_no_gap(step, min(attempt.transaction.nonce for attempt in live))
        last = live[-1].transaction
        if last.fees.max_fee >= self.plan.market.base_fee:
            return live
        return [*live, self._kept(last.with_fees(self.plan.fees.above(last.fees)))]

    def _require_no_gap(self, step: Step, nonce: int) -> None:
        """Refuse to wait for a transaction that comes after a nonce which is not used."""
        missing = self.rpc.nonce(self.plan.sender, "pending")
        if nonce > missing:
            raise Conflict(
                f"the transaction for {step.name} has nonce {nonce} and must wait: nothing has used nonce "
                f"{missing} of {self.plan.sender}",
                reason="nonce_gap",
                fix=f"Send any transaction with nonce {missing} from this account, then run again.",
            )

    def _signed(self, step: Step) -> SignedTransaction:
        return self._kept(
            Transaction(
                chain_id=self.plan.chain_id,
                nonce=self.rpc.nonce(self.plan.sender, "pending"),
                fees=self.plan.fees,
                gas=step.limit,
                to=bytes.fromhex(step.to[2:]),
                value=step.value,
                data=step.data,
            )
        )

    def _kept(self, transaction: Transaction) -> SignedTransaction:
        signed = sign_transaction(transaction, self.key)
        self.intents.add(signed)
        return signed

    def _knows(self, transaction: Digest) -> bool:
        return self.rpc.request("eth_getTransactionByHash", transaction) is not None

    def _done(self, step: Step) -> bool:
        if step.creates is not None:
            return bool(self.rpc.code(step.creates))
        return bool(self.rpc.code(PROXY)) or self.rpc.balance(PROXY_CREATOR) >= PROXY_PRICE

    def _failed(self, sent: Sequence[Digest]) -> bool:
        return any(not receipt.succeeded for receipt in _receipts(self.rpc, sent))


def receipts_of(rpc: Rpc, sent: Sequence[SignedTransaction]) -> list[Receipt]:
    """The receipts of those that are in blocks.

    Raises:
        ChainUnreachable: the node does not answer.
    """
    return _receipts(rpc, [one.hash for one in sent])


def _receipts(rpc: Rpc, sent: Sequence[Digest]) -> list[Receipt]:
    found = [receipt_in(answer) for answer in rpc.batch([receipt_call(hash_) for hash_ in sent])]
    return [receipt for receipt in found if receipt is not None]


def _not_accepted(step: Step, why: ChainUnreachable) -> ChainUnreachable:
    code = why.fields.get("rpc_code")
    if step.presigned:
        return ChainUnreachable(
            f"the node does not take the deployment proxy's creation, which has no chain id (code {code})",
            reason="unprotected_refused",
            fix="Run the command with a node that does (geth: --rpc.allow-unprotected-txs), or have anybody "
            f"hand it in, then run the command again: eth_sendRawTransaction 0x{step.presigned.hex()}",
        )
    return ChainUnreachable(
        f"the node does not take the transaction for {step.name} (code {code})",
        reason="not_accepted",
        fix="See the node's own log for the reason, then run the command again; nothing is sent twice.",
    )
