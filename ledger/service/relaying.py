"""The relayer as its operator sees it: how it stands, and whether it may go on.

All of it goes by the gateway's database and node, so that it works beside a gateway that runs, which obeys at
its next step, and without one.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ledger.chain.account import look
from ledger.chain.feepolicy import FeePolicy
from ledger.chain.rpc import Rpc
from ledger.chain.slots import ChainView
from ledger.chain.transactions import Fees
from ledger.errors import ChainUnreachable
from ledger.ids import Address
from ledger.store.backlog import Backlog, backlog
from ledger.store.database import Database
from ledger.store.marks import FAULTS, Mark, Marked, Marks

ACT_GAS = 60_000
"""Gas of one act that travels alone; in a batch it takes little more than half."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnChain:
    """The account and the market, in wei; ``pays_for`` is how many acts, each alone, at present fees."""

    balance: int
    pays_for: int
    nonce: int
    pending: int
    base_fee: int
    tip: int
    affordable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How a relayer stands; ``chain`` is None where the node gives no answer to rely on, and ``why``."""

    account: Address
    cap: int
    backlog: Backlog
    chain: OnChain | None
    why: str
    drained: Marked | None
    faults: dict[Mark, Marked]


def report(db: Database, rpc: Rpc, account: Address, *, chain_id: int, cap: int, now: int) -> Report:
    """How the relayer of an account stands at a moment, in Unix milliseconds.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    chain, why = None, ""
    marks = Marks(db).all()
    try:
        view = look(rpc, account, chain_id)
        chain = _on_chain(view, rpc.balance(account), FeePolicy(cap=cap))
        known = marks.get(Mark.CHAIN)
        why = "other_chain" if known is not None and view.genesis not in ("", known.detail) else ""
    except ChainUnreachable as exc:
        why = exc.reason
    return Report(
        account=account,
        cap=cap,
        backlog=backlog(db, now),
        chain=chain,
        why=why,
        drained=marks.get(Mark.DRAINED),
        faults={mark: marks[mark] for mark in FAULTS if mark in marks},
    )


def drain(db: Database, *, now: int) -> None:
    """Let nothing new go out but stops, until `resume`; what is sent already is brought to its end."""
    Marks(db).put(Mark.DRAINED, since=now)


def resume(db: Database, *, new_chain: bool = False) -> list[Mark]:
    """Let everything go out again, and acknowledge that somebody else used the key; what of it held.

    With `new_chain` the relayer takes the chain that it finds at its next step for its own.
    """
    taken: Iterable[Mark] = (Mark.DRAINED, Mark.FOREIGN_NONCE, *((Mark.CHAIN,) if new_chain else ()))
    return Marks(db).take(taken)


def _on_chain(view: ChainView, balance: int, policy: FeePolicy) -> OnChain:
    price = Fees.at(view.market, urgent=False).within(policy.cap).max_fee
    return OnChain(
        balance=balance,
        pays_for=balance // (ACT_GAS * max(price, 1)),
        nonce=view.nonce,
        pending=view.pending,
        base_fee=view.market.base_fee,
        tip=view.market.priority_fee,
        affordable=policy.affords(view.market),
    )
