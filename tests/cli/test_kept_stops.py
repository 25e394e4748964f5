"""Stopping while the gateway's database is away: the command says what is so, and counts when it is back."""

import pytest

from cli.exits import Exit
from tests.cli.support import Town
from tests.network import eventually, small_bundle

pytestmark = pytest.mark.chain


def test_a_stop_is_kept_while_the_database_is_away_and_then_counts(town: Town) -> None:
    name, bundle = "kept-stop", town.home / "kept-stop.json"
    town.newcomer(name)
    town.introduced(name, "clinic")
    bundle.write_bytes(small_bundle("Condition"))
    town.ok("-p", name, "record", "add", bundle)
    given = ("--to", "City Hospital", "--purpose", "TREAT", "--yes", "--wait", "seen")
    consent = town.ok("-p", name, "grant", *given)["consent"]
    town.database.rename(town.home / "away")
    try:
        ran = town.run("-p", name, "revoke", "--all", "--yes")
        assert ran.code == Exit.OK, ran.err
        assert "1 choice stopped." in ran.out
        assert "keeps your stop on disk" in ran.out
        again = town.ok("-p", name, "revoke", consent, "--yes")
        assert not {"log_index", "chain"} & again.keys()
        health = town.run("-p", name, "doctor", "--json")
        assert health.code == Exit.RETRY
        told = {check["name"]: check["detail"] for check in health.answer["checks"]}
        assert told["kept stops"].startswith("stops of patients wait for the database")
    finally:
        (town.home / "away").rename(town.database)
    eventually(lambda: town.run("-p", "clinic", "read", name, "--purpose", "TREAT").code == Exit.DENIED)
    assert town.ok("-p", name, "revoke", consent, "--yes")["log_index"] >= 0
