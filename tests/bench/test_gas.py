"""Each act costs less than the same on EAS, in the run that `make bench ONLY=gas` makes."""

import pytest

from tests.bench import gas


@pytest.mark.chain
def test_every_act_costs_less_than_on_eas() -> None:
    figures = gas.run()
    dearer = {
        act: (figures[act], figures[peer]) for act, peer in gas.PEERS.items() if figures[act] >= figures[peer]
    }
    assert dearer == {}
