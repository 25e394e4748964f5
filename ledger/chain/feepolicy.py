"""What the relayer offers for gas, first and later, and never above its cap."""

from dataclasses import dataclass

from ledger.chain.facts import FeeMarket
from ledger.chain.transactions import Fees


@dataclass(frozen=True, slots=True, kw_only=True)
class FeePolicy:
    """A bound on what is paid: ``cap`` wei per gas, tip included."""

    cap: int

    def affords(self, market: FeeMarket) -> bool:
        """Whether anything within the cap can get into a block now."""
        return market.base_fee <= self.cap

    def offer(self, market: FeeMarket, *, urgent: bool, above: Fees | None = None) -> Fees | None:
        """What to offer now; None if nothing within the cap will do.

        Args:
            market: what gas costs.
            urgent: whether the offer must stand a steep rise.
            above: the offer to replace. What is returned exceeds it by 12.5 % in both fields, or nodes would
                not take it.
        """
        if not self.affords(market):
            return None
        wanted = Fees.at(market, urgent=urgent)
        clamped = (wanted if above is None else wanted.above(above)).within(self.cap)
        return clamped if above is None or clamped.replaces(above) else None
