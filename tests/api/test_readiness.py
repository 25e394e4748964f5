"""What an operator and a patient can read off ``/readyz``: how soon a stop made on chain counts."""

import httpx2

from tests.network import Network, eventually


def test_a_gateway_that_is_ready_states_how_soon_a_stop_on_chain_counts(network: Network) -> None:
    follower = network.stack.server.gateway.follower
    network.send_blocks()
    eventually(lambda: follower.lags.median is not None)
    told = httpx2.get(f"{network.stack.url}/readyz").json()["revocation"]
    settings = httpx2.get(f"{network.stack.url}/v1/gateway").json()
    assert told.keys() == {"usual_ms", "measured_ms", "most_ms"}
    assert told["most_ms"] == settings["max_head_age"] * 1000
    assert 0 <= told["measured_ms"] <= told["most_ms"]
    assert told["usual_ms"] >= 100
