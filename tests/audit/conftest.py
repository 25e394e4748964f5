"""The clean story, built once; every test bends its own copy."""

import pytest

from tests.audit.story import story
from tests.audit.world import World


@pytest.fixture(scope="session")
def clean() -> World:
    """Not to be bent."""
    return story()


@pytest.fixture
def world(clean: World) -> World:
    return clean.copy()
