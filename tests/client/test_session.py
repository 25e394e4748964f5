"""Signing in: only when needed, again when the session has ended, never without an identity."""

from typing import Any

import pytest

from ledger.errors import SignInRequired
from ledger.service import sessions
from tests.network import Network


def test_a_session_is_kept_and_renewed_when_it_ends(network: Network) -> None:
    tokens: list[str] = []

    def listening(asked: str, answer: Any) -> Any:  # noqa: ANN401
        if asked == "POST /v1/sign-in":
            tokens.append(answer["token"])
        return answer

    alice = network.enrolled()
    client = network.gateway(alice, listening)
    first = client.patient()
    assert client.patient() == first
    assert len(tokens) == 1
    sessions.sign_out(network.stack.server.gateway, tokens[0])
    assert client.patient() == first
    assert len(tokens) == 2
    client.sign_out()
    client.sign_out()
    assert client.patient() == first
    assert len(set(tokens)) == 3


def test_what_is_public_needs_no_identity_and_the_rest_does(network: Network) -> None:
    nobody = network.gateway(None)
    info = nobody.info()
    assert (info.origin, info.chain_id) == (nobody.origin, network.config.deployment.chain_id)
    assert nobody.healthy()
    assert nobody.checkpoint().startswith(info.log_origin)
    with pytest.raises(SignInRequired):
        nobody.records()


def test_a_session_never_shows_its_token(network: Network) -> None:
    seen: list[str] = []

    def listening(asked: str, answer: Any) -> Any:  # noqa: ANN401
        if asked == "POST /v1/sign-in":
            seen.append(answer["token"])
        return answer

    client = network.gateway(network.enrolled(), listening)
    client.patient()
    assert seen
    assert seen[0] not in repr(vars(client)) + repr(vars(vars(client)["_session"]))
