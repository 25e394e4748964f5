"""A record in three places, of which two are lost in turn and rebuilt from what is left."""

import os
import shutil
from pathlib import Path

from ledger.records.blocks import LocalBlockStore
from tests.cli.support import Town


def test_a_store_that_was_emptied_and_one_that_was_damaged_are_rebuilt_and_each_serves_alone(
    town: Town, tmp_path: Path
) -> None:
    who, places = "trijntje", [town.home / "stack" / "blocks", tmp_path / "two", tmp_path / "three"]
    town.newcomer(who)
    network = town.home / "stack" / "network.json"
    town.ok("-p", who, "config", "set", "network", network)
    town.ok("-p", who, "config", "set", "blocks", ",".join(map(str, places)))
    town.ok("-p", who, "config", "set", "blocks_factor", "2")
    (tmp_path / "scan.bin").write_bytes(os.urandom(3 << 20))
    town.ok("-p", who, "record", "add", tmp_path / "scan.bin", "--class", "imaging")
    shutil.rmtree(places[1])
    for damaged in places[2].glob("??/*"):
        damaged.write_bytes(damaged.read_bytes()[:-1])
    (mended,) = town.ok("-p", who, "record", "verify", "--repair")["records"]
    assert mended["repaired"] == 2 * mended["blocks"] > 2
    for place in places:
        town.ok("-p", who, "config", "set", "blocks", place)
        town.ok("-p", who, "config", "set", "blocks_factor", "1")
        (checked,) = town.ok("-p", who, "record", "verify")["records"]
        assert (checked["ok"], checked["blocks"]) == (True, mended["blocks"])
    assert set(LocalBlockStore(places[1]).cids()) == set(LocalBlockStore(places[2]).cids())
