"""A gateway's relayer."""

from cli.shapes.relayer import ActsPart, MarkPart, RelayerDrained, RelayerResumed, RelayerStatus
from cli.views.text import counted, listed, table

GWEI = 10**9
ETHER = 10**18

WORDS = {
    "fees_above_cap": "gas costs more than the cap: nothing goes out, stops neither",
    "foreign_nonce": "somebody else has sent a transaction with this key: change it unless that was you",
    "over_quota": "the gas of the day is spent: only stops go out",
    "wrong_chain": "the node is on a chain of another number: set the right --rpc",
    "other_chain": "the node is on another chain of the same number: set the right --rpc",
    "no_answer": "the node does not answer",
}
"""What a fault means, for people."""


def status_text(status: RelayerStatus) -> str:
    """How it stands, the verdict first."""
    rows = [("account", status.account), ("chain", str(status.chain_id)), *_money(status)]
    rows += [("acts", _acts(status.acts)), ("stops waiting", str(status.stops_waiting))]
    if status.oldest_waiting_seconds is not None:
        rows.append(("longest wait", f"{status.oldest_waiting_seconds:,} s"))
    if status.nonces is not None:
        nonces = status.nonces
        rows.append(("nonces", f"chain {nonces.chain}, pending {nonces.pending}, ours {nonces.ours}"))
    return "\n".join([_verdict(status), table(rows, indent="  "), *map(_fault, status.faults)])


def drained_text(drained: RelayerDrained) -> str:
    """What still goes out."""
    return "\n".join(
        [
            "Drained: nothing new goes out but stops.",
            f"  acts  {_acts(drained.acts)}",
            "Undo with: consent relayer resume",
        ]
    )


def resumed_text(resumed: RelayerResumed) -> str:
    """What held until now."""
    return f"Everything goes out again. Ended: {listed(resumed.ended)}."


def _verdict(status: RelayerStatus) -> str:
    if status.faults:
        return f"{counted(len(status.faults), 'fault')}."
    if status.drained_since is not None:
        return f"Drained since {status.drained_since}: nothing new goes out but stops."
    return "All is well."


def _money(status: RelayerStatus) -> list[tuple[str, str]]:
    fees = status.fees
    cap = f"at most {_gwei(fees.cap)}"
    rows = [] if fees.base_fee is None else [("gas", f"{_gwei(fees.base_fee)} now, {cap}")]
    if status.balance is not None:
        worth = f"{int(status.balance) / ETHER:.6f} ether, enough for {counted(status.pays_for or 0, 'act')}"
        rows.append(("balance", worth))
    return rows or [("gas", cap)]


def _acts(acts: ActsPart) -> str:
    return (
        f"{acts.waiting} waiting, {acts.sent} sent, {acts.seen} seen, {acts.final} final, "
        f"{acts.failed} failed, {acts.given_up} given up"
    )


def _fault(fault: MarkPart) -> str:
    detail = f" ({fault.detail})" if fault.detail else ""
    return f"  NO  {fault.name}{detail} since {fault.since}: {WORDS.get(fault.name, 'see the gateway log')}"


def _gwei(wei: str) -> str:
    return f"{int(wei) / GWEI:g} gwei"
