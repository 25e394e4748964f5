"""What the relayer looks out for and lets its operator know of, in marks that outlive it."""

from collections.abc import Collection

from ledger.chain.feepolicy import FeePolicy
from ledger.chain.nonces import MOST_MISSING
from ledger.chain.slots import ChainView, contenders, foreign
from ledger.errors import ChainUnreachable
from ledger.ids import Digest
from ledger.store.acts import State, Work
from ledger.store.marks import Mark, Marked
from ledger.store.relay import RelayStore

DAY_MS = 86_400_000


class Watch:
    """Compares what the chain shows with what may be, once in each step."""

    def __init__(self, store: RelayStore, fees: FeePolicy, gas_per_day: int | None) -> None:
        self._store = store
        self._fees = fees
        self._gas_per_day = gas_per_day
        self._counted = -1

    def look(
        self, view: ChainView, work: Work, taken: set[int], unknown: Collection[Digest], now: int
    ) -> set[Mark]:
        """Note what holds now and what does no more; all that holds."""
        held = self._store.marks.all()
        self._count(view, foreign(view, work, taken, unknown), held, now)
        waiting = contenders(view, work, taken) or any(
            one.state == State.INTENDED and one.not_before <= now for one in work.submissions.values()
        )
        self._hold(Mark.FEES_ABOVE_CAP, bool(waiting) and not self._fees.affords(view.market), held, now)
        self._hold(Mark.OVER_QUOTA, self._is_over_quota(now), held, now)
        return set(self._store.marks.all())

    def require_same_chain(self, view: ChainView, now: int) -> None:
        """Refuse another chain than the one that the relayer began on, be its number the same.

        Raises:
            ChainUnreachable: (``other_chain``).
        """
        known = self._store.marks.all().get(Mark.CHAIN)
        if known is None and view.genesis:
            self._store.marks.put(Mark.CHAIN, since=now, detail=view.genesis)
        if known is not None and view.genesis not in ("", known.detail):
            raise ChainUnreachable(
                "the RPC is on another chain than the one this gateway began on, under the same number",
                reason="other_chain",
                fix="Set the RPC of that chain; if it was begun anew: consent relayer resume --new-chain",
                expected=known.detail,
                found=view.genesis,
            )

    def _count(self, view: ChainView, strangers: set[int], held: dict[Mark, Marked], now: int) -> None:
        """Look whether every transaction of the account is ours."""
        if Mark.ACCOUNTED not in held:
            first = self._store.first_nonce()
            start = view.nonce if first is None else min(first, view.nonce)
            self._store.marks.put(Mark.ACCOUNTED, since=now, detail=str(start))
            held = self._store.marks.all()
        start = int(held[Mark.ACCOUNTED].detail)
        news = range(max(start, min(self._counted, view.nonce)), view.nonce)
        ours = self._store.used_nonces(news.start, news.stop)
        last = next((nonce for nonce in reversed(news) if nonce not in ours), -1)
        self._counted = view.nonce
        strange = [nonce for nonce in (*strangers, last) if nonce >= start]
        if strange:
            self._store.marks.put(Mark.FOREIGN_NONCE, since=now, detail=str(max(strange)))
        if strange or view.nonce + MOST_MISSING < start:  # or a node had told of more than there are
            self._store.marks.put(Mark.ACCOUNTED, since=now, detail=str(view.nonce))

    def _is_over_quota(self, now: int) -> bool:
        return self._gas_per_day is not None and self._store.gas_since(now - DAY_MS) >= self._gas_per_day

    def _hold(self, mark: Mark, holds: bool, held: dict[Mark, Marked], now: int) -> None:
        if holds and mark not in held:
            self._store.marks.put(mark, since=now)
        elif not holds and mark in held:
            self._store.marks.take([mark])
