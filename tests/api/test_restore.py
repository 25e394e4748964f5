"""An old database brought back: the log on chain is longer, so this one signs nothing and takes nothing."""

import shutil
from pathlib import Path

import httpx2
import pytest

from api.stack import Stack
from ledger.errors import ProofInvalid
from ledger.ids import Did, did_of
from ledger.service import decisions
from ledger.service.anchoring import latest_anchor
from ledger.service.decisions import Question
from tests.network import eventually

SUBJECT = did_of(31337, "0x9858EfFD232B4033E47d90003D41EC34EcaEda94")  # type: ignore[arg-type]


def ask(stack: Stack) -> int:
    """One decision in the log; its index."""
    question = Question(subject=SUBJECT, patient=Did(SUBJECT), purpose=("TREAT",))
    return decisions.decide_and_log(stack.server.gateway, question).appended.index


def test_a_restored_backup_is_not_signed_for(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with Stack(state, anchor_interval=1) as stack:
        ask(stack)
    shutil.copy(state / "gateway.sqlite", tmp_path / "backup")
    with Stack(state, anchor_interval=1) as stack:
        last = ask(stack)

        def anchored() -> bool:
            latest = latest_anchor(stack.server.gateway)
            return latest is not None and latest.new_size > last

        eventually(anchored)
    shutil.copy(tmp_path / "backup", state / "gateway.sqlite")
    with Stack(state, anchor_interval=1, admit_gateway=False) as stack:
        assert stack.server.gateway.journal.damage is not None
        with pytest.raises(ProofInvalid):
            ask(stack)
        with pytest.raises(ProofInvalid):
            stack.server.gateway.journal.checkpoint()
        answer = httpx2.get(f"{stack.url}/readyz")
        assert (answer.status_code, answer.json()["reason"]) == (503, "log_damaged")


def test_what_was_filed_survives_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with Stack(state) as stack:
        index, first = ask(stack), stack.server.gateway.deployment
        note = stack.server.gateway.journal.checkpoint()
    with Stack(state) as stack:
        gateway = stack.server.gateway
        assert gateway.deployment == first
        assert gateway.journal.last_checkpoint() == note
        assert gateway.journal.receipt(index).index == index
        assert ask(stack) == index + 1
