"""No node makes a stop of all count for nothing by another epoch in the data of an event, however old."""

from typing import Any

import pytest

from ledger.chain import calls
from ledger.chain.reader import read_chain
from ledger.errors import ChainUnreachable
from ledger.keccak import keccak256
from tests.chain.conftest import Chain, account
from tests.chain.liars import Liar, changed_logs

PATIENT = account("controller")
REVOKED_ALL = "0x" + keccak256(b"RevokedAll(address,uint16)").hex()
RECORDED = "0x" + keccak256(b"Recorded(bytes32,address,uint16,uint40)").hex()


@pytest.fixture
def ended(chain: Chain) -> Chain:
    """A patient stopped everything, and recorded a consent afterwards."""
    registry = chain.deployment.registry
    chain.fund(PATIENT.address, 10**18)
    chain.send(chain.owner, registry, calls.record_batch([chain.consent(PATIENT, b"\x01" * 32)]))
    chain.send(PATIENT, registry, calls.revoke_all())
    chain.send(chain.owner, registry, calls.record_batch([chain.consent(PATIENT, b"\x02" * 32, epoch=1)]))
    chain.mine()
    return chain


def with_epoch(topic: str, epoch: int, place: int) -> Any:  # noqa: ANN401
    """A twist: every event of a kind names this epoch, which is word `place` of its data."""

    def change(log: dict[str, Any]) -> dict[str, Any]:
        if log["topics"][0] != topic:
            return log
        words = [log["data"][2:][start : start + 64] for start in range(0, len(log["data"]) - 2, 64)]
        words[place] = f"{epoch:064x}"
        return log | {"data": "0x" + "".join(words)}

    return changed_logs(lambda logs: [change(log) for log in logs])


@pytest.mark.chain
def test_what_the_registry_emitted_is_read(ended: Chain) -> None:
    node = Liar(ended.devnet.url, lambda _, value: value)
    index = read_chain(node, ended.deployment)
    assert index.epoch_of(PATIENT.address) == 1
    node.close()


@pytest.mark.chain
@pytest.mark.parametrize(
    ("topic", "epoch", "place"),
    [
        pytest.param(REVOKED_ALL, 0, 0, id="a stop of all that ends nothing"),
        pytest.param(REVOKED_ALL, 2, 0, id="a stop of all that skips an epoch"),
        pytest.param(RECORDED, 1, 0, id="a recording of an epoch to come"),
        pytest.param(RECORDED, 0, 0, id="a recording of an epoch that has ended"),
    ],
)
def test_an_epoch_that_the_registry_cannot_have_named_is_refused(
    ended: Chain, topic: str, epoch: int, place: int
) -> None:
    node = Liar(ended.devnet.url, with_epoch(topic, epoch, place))
    with pytest.raises(ChainUnreachable) as refused:
        read_chain(node, ended.deployment)
    assert refused.value.reason == "bad_epoch"
    node.close()
