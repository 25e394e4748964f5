"""One random history of a thousand consents for all tests here."""

import os
from collections.abc import Iterator

import pytest

from tests.privacy.history import World, live, world
from tests.privacy.observer import View, observe

SEED = 20270301
CONSENTS = 1000


@pytest.fixture(scope="session")
def candidates() -> int:
    """How many values the dictionary has: 20,000, or what CONSENT_DICTIONARY says."""
    return int(os.environ.get("CONSENT_DICTIONARY", "20000"))


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Patients who filed, stopped and sent until a thousand consents were signed."""
    state = tmp_path_factory.mktemp("privacy")
    state.chmod(0o700)
    with world(state, seed=SEED, people=80) as found:
        live(found, filed=600, batched=400)
        assert len(found.given) >= CONSENTS
        yield found


@pytest.fixture(scope="session")
def view(history: World) -> View:
    return observe(history.rpc, history.deployment)
