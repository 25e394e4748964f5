"""Receipts of a gateway's log: checked when they come, kept, and held against each other.

The verifier of the log key is pinned when it is first seen; the largest checkpoint is remembered, and a later
one must continue it: a log that was rewritten or forked is caught by whoever saw both sides.
"""

from collections.abc import Mapping
from typing import Any

from ledger.canonical import unhex
from ledger.chain.deployment import Deployment
from ledger.client.gateway import GatewayClient
from ledger.client.ports import ClientState
from ledger.client.wire import GatewayInfo
from ledger.errors import InvalidInput, ProofInvalid
from ledger.ids import Address
from ledger.log.checkpoint import Checkpoint, open_note, origin_of
from ledger.log.entry import EntryKind
from ledger.log.merkle import verify_consistency
from ledger.log.receipt import Receipt, verify

_REPORT = "Keep the receipts of this profile and show them to an auditor."


class LogWatch:
    """What one client believes of one gateway's log."""

    def __init__(self, gateway: GatewayClient, deployment: Deployment, state: ClientState) -> None:
        """Nothing is sent before the first receipt."""
        self._gateway = gateway
        self._deployment = deployment
        self._state = state
        self._newest: tuple[str, Checkpoint] | None = None

    def take(
        self,
        receipt: dict[str, Any],
        kind: EntryKind,
        expected: Mapping[str, object],
        *,
        tag: bytes | None = None,
    ) -> dict[str, Any]:
        """The entry that a receipt proves, if it records the act that we know of; the receipt is kept.

        Args:
            receipt: `log.receipt` JSON, as the gateway gave it.
            kind: what the entry must be.
            expected: members that the entry must have, with these values.
            tag: the 20-byte tag that it must be filed under, where we know it.

        Raises:
            ProofInvalid: it does not verify, or is about something else (``receipt_of_other_act``).
            InvalidInput: it is malformed.
        """
        parsed = Receipt.from_json(receipt)
        entry = verify(parsed, self.verifier())
        wanted = {"kind": str(kind), **expected}
        if any(entry.get(name) != value for name, value in wanted.items()):
            raise ProofInvalid(
                "the receipt is about another act than ours", reason="receipt_of_other_act", fix=_REPORT
            )
        if tag is not None and parsed.tag != tag:
            raise ProofInvalid("the receipt is another patient's", reason="receipt_of_other_act", fix=_REPORT)
        self._state.keep_receipt(receipt)
        checkpoint = open_note(parsed.checkpoint, self.verifier())
        if self._newest is None or checkpoint.size >= self._newest[1].size:
            self._newest = (parsed.checkpoint, checkpoint)
        return entry

    def see(self, note: str) -> Checkpoint:
        """A checkpoint of this log that continues what we knew; it is remembered.

        Raises:
            ProofInvalid: not signed by the log's key, or of a log that was rewritten (``log_forked``).
        """
        checkpoint = open_note(note, self.verifier())
        self._newest = (note, checkpoint)
        self.settle()
        return checkpoint

    def settle(self) -> None:
        """Hold the newest checkpoint against the one remembered, and remember it; without news, nothing.

        Raises:
            ProofInvalid: the log does not continue the one that we knew (``log_forked``).
        """
        if self._newest is None:
            return
        note, newest = self._newest
        known = None if self._state.checkpoint is None else open_note(self._state.checkpoint, self.verifier())
        if known is not None:
            self._require_continued(known, newest)
        if known is None or newest.size > known.size:
            self._state.checkpoint = note
            self._state.save()
        self._newest = None

    def verifier(self) -> str:
        """The log's verifier, pinned on first use.

        Raises:
            InvalidInput: the gateway serves other contracts than this profile is for.
            ProofInvalid: it now names another log key than before.
        """
        if self._state.log_key is None:
            info = self._gateway.info()
            require_network(info, self._deployment)
            self._state.log_key = info.log_key
            self._state.save()
        return self._state.log_key

    def _require_continued(self, known: Checkpoint, newest: Checkpoint) -> None:
        old, new = sorted((known, newest), key=lambda checkpoint: checkpoint.size)
        if old.size == 0:
            return
        try:  # a log that lost entries refuses the proof, which is the same fault
            steps = [] if old.size == new.size else self._gateway.consistency(old.size, new.size)
            verify_consistency(old.size, old.root, new.size, new.root, [unhex(step) for step in steps])
        except (ProofInvalid, InvalidInput) as exc:
            raise ProofInvalid(
                "the gateway's log does not continue the one it showed before",
                reason="log_forked",
                fix=_REPORT,
            ) from exc


def require_network(info: GatewayInfo, deployment: Deployment) -> None:
    """Refuse a gateway that serves another chain or other contracts than this profile is for.

    Raises:
        InvalidInput: ``other_network``.
    """
    same = (
        info.chain_id == deployment.chain_id
        and info.registry == deployment.registry
        and info.directory == deployment.directory
        and info.anchor == deployment.anchor
    )
    origin = origin_of(deployment.chain_id, deployment.anchor, Address(info.account))
    if not same or info.log_origin != origin:
        raise InvalidInput(
            "the gateway serves another network than this profile is for",
            reason="other_network",
            fix="Use its own network file: consent identity create --network FILE",
        )
