"""Every error of the ledger ends a command with a code that a script may rely on."""

import pytest

from cli.errors import NEXT, failure_of
from cli.exits import EXITS, Exit, exit_of
from ledger import errors


def instance(kind: type[errors.LedgerError]) -> errors.LedgerError:
    if issubclass(kind, errors.DocumentRejected):
        return kind("Consent.provision", "cannot be enforced")
    return kind("a sentence")


OURS = [kind for kind in errors.leaves() if kind.__module__ == "ledger.errors"]


def test_the_map_names_every_error_class_and_no_other() -> None:
    assert set(EXITS) == set(OURS)


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.__name__)
def test_every_error_ends_with_its_code_and_says_what_to_do_next(kind: type[errors.LedgerError]) -> None:
    failure, code = failure_of(instance(kind), "consent list")
    assert code is EXITS[kind] is not Exit.OK
    assert failure.error.code == kind.code
    assert failure.error.fix
    assert failure.error.where.startswith("consent list")


def test_a_subclass_defined_elsewhere_counts_as_its_nearest_parent() -> None:
    class Elsewhere(errors.Conflict):
        code = "elsewhere"

    assert exit_of(Elsewhere) is Exit.USAGE


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.DocumentRejected, 2),
        (errors.GatewayUnreachable, 3),
        (errors.KeyLocked, 4),
        (errors.Declined, 5),
        (errors.RecordCorrupt, 10),
        (errors.AccessDenied, 11),
        (errors.Undecidable, 12),
        (errors.Bug, 1),
    ],
)
def test_the_documented_codes(kind: type[errors.LedgerError], code: int) -> None:
    assert exit_of(kind) == code


def test_an_unexpected_exception_does_not_tell_its_text() -> None:
    failure, code = failure_of(RuntimeError("alice's secret"), "consent read")
    assert code is Exit.UNEXPECTED
    assert "alice" not in str(failure)
    assert failure.error.reason == "RuntimeError"


def test_advice_is_for_classes_that_exist() -> None:
    assert set(NEXT) <= set(OURS)
