"""The contracts do what the reference model says, in random sequences of acts on a real chain.

The sequences are the same in every run. How many registry and directory get is for
``CONSENT_REFERENCE_SEQUENCES`` to say (the anchor gets half), and which ones for
``CONSENT_REFERENCE_SEED``. A failure is shrunk, and shows the acts that lead to it.
"""

import os
from collections.abc import Callable, Iterator

import pytest
from hypothesis import seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.contracts.conftest import anvil
from tests.contracts.reference import anchor_sequences, directory_sequences, registry_sequences
from tests.contracts.reference.chain import OPTIONS, Chain
from tests.contracts.reference.ground import Ground, prepare
from tests.contracts.reference.lockstep import Lockstep, Tally

SEQUENCES = int(os.environ.get("CONSENT_REFERENCE_SEQUENCES", "1000"))
SEED = int(os.environ.get("CONSENT_REFERENCE_SEED", "0"))
LENGTH = 14

pytestmark = [pytest.mark.chain, pytest.mark.timeout(300 + SEQUENCES)]


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with anvil(*OPTIONS) as rpc:
        chain = Chain(rpc)
        yield prepare(chain)
        chain.close()


@pytest.mark.parametrize(
    ("sequence", "sights", "count"),
    [
        (registry_sequences.RegistrySequence, registry_sequences.SIGHTS, SEQUENCES),
        (directory_sequences.DirectorySequence, directory_sequences.SIGHTS, SEQUENCES),
        (anchor_sequences.AnchorSequence, anchor_sequences.SIGHTS, SEQUENCES // 2),
    ],
    ids=["registry", "directory", "anchor"],
)
def test_contract_does_what_the_reference_does(
    ground: Ground,
    sequence: Callable[[Ground, Tally], Lockstep[object]],
    sights: set[str],
    count: int,
) -> None:
    tally = Tally()

    @seed(SEED)
    def begin() -> Lockstep[object]:
        return sequence(ground, tally)

    run_state_machine_as_test(
        begin,  # type: ignore[arg-type]  # it takes anything that makes a machine
        settings=settings(
            max_examples=count, stateful_step_count=LENGTH, deadline=None, database=None, print_blob=True
        ),
    )
    assert tally.sequences >= count
    assert tally.acts >= 8 * tally.sequences
    assert tally.met >= sights, f"never met: {sorted(sights - tally.met)}"
