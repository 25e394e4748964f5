"""What can be read off ``/readyz``: how soon a stop made on chain counts, and that a gateway is stopping."""

import asyncio
import threading

import httpx2

from api.app import create_app
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


def test_a_gateway_that_is_stopping_is_not_ready_and_answers_all_the_same(network: Network) -> None:
    stopping = threading.Event()
    app = create_app(network.stack.server.gateway, stopping=stopping)

    async def asked(path: str) -> httpx2.Response:
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url=network.stack.url) as client:
            return await client.get(path)

    assert asyncio.run(asked("/readyz")).status_code == 200
    stopping.set()
    answer = asyncio.run(asked("/readyz"))
    assert (answer.status_code, answer.json()["reason"]) == (503, "stopping")
    assert asyncio.run(asked("/healthz")).status_code == 200
    assert asyncio.run(asked("/v1/log/checkpoint")).status_code == 200
