"""Every ledger error has a status, a stable code of its own, and a place in the drawn tree."""

import re

import pytest

from api.problems import status_of
from ledger import errors


@pytest.mark.parametrize("error", errors.leaves(), ids=lambda error: error.__name__)
def test_every_error_has_a_status(error: type[errors.LedgerError]) -> None:
    assert 400 <= status_of(error) < 600


def test_codes_are_unique_and_stable_words() -> None:
    codes = [error.code for error in errors.leaves()]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"[a-z][a-z_]*", code) for code in codes)


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = set(re.findall(r"[├└]── (\w+)", errors.__doc__ or "")) | {"LedgerError"}
    inside = {error.__name__ for error in errors.leaves() if error.__module__ == errors.__name__}
    assert drawn == inside


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.DocumentRejected, 400),
        (errors.NotFound, 404),
        (errors.Conflict, 409),
        (errors.TooLarge, 413),
        (errors.SignInRequired, 401),
        (errors.NotAdmitted, 403),
        (errors.SignatureInvalid, 422),
        (errors.Undecidable, 503),
        (errors.Bug, 500),
    ],
)
def test_the_status_follows_the_fault(error: type[errors.LedgerError], status: int) -> None:
    assert status_of(error) == status
