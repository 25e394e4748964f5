"""What contracts/README.md claims is so."""

import json
import re
import shlex

import pytest
from web3 import Web3

from tests.contracts.test_deployed import deploy
from tests.contracts.tools import CONTRACTS, foundry

README = (CONTRACTS / "README.md").read_text("utf-8")
SNAPSHOT = {
    "`record` by the controller": "record",
    "`recordBatch` of 100, each": "record_batch_100_each",
    "`revoke` by the controller": "revoke",
    "`revokeWithPreimage` by the controller": "revoke_preimage",
    "`revokeAll` by the controller": "revoke_all",
    "`recordSigned`": "record_signed",
    "`revokeSigned`": "revoke_signed",
    "`revokeWithPreimage`, signed": "revoke_preimage_signed",
    "`revokeWithPreimage`, signed, before recording": "tombstone_signed",
    "`revokeAllSigned`": "revoke_all_signed",
    "`anchor`, not the first": "anchor",
}


def test_the_gas_table_is_the_snapshot() -> None:
    rows = re.findall(r"^\| (.+?) \| ([0-9,]+) \| ([0-9,]+) \|$", README, re.MULTILINE)
    snapshot = json.loads((CONTRACTS / "snapshots" / "gas.json").read_text())
    table = {SNAPSHOT[act]: gas.replace(",", "") for act, gas, _ in rows}
    assert table == snapshot


def test_the_gas_bounds_are_those_that_forge_asserts() -> None:
    rows = re.findall(r"^\| (.+?) \| ([0-9,]+) \| ([0-9,]+) \|$", README, re.MULTILINE)
    asserted = re.findall(
        r'measured\("(\w+)",.*?([0-9_]+)\);', (CONTRACTS / "test" / "Gas.t.sol").read_text()
    )
    bounds = {SNAPSHOT[act]: int(most.replace(",", "")) for act, _, most in rows}
    assert bounds == {act: int(most) for act, most in asserted}


@pytest.mark.chain
def test_the_cast_commands_show_each_state(rpc: str, web3: Web3) -> None:
    registry, sender = deploy(web3, "ConsentRegistry"), web3.eth.accounts[0]
    functions, until = registry.functions, 2**40 - 1
    terms = {name: Web3.keccak(text=name) for name in ("none", "revoked", "tombstone", "over", "active")}
    ids = {}
    for name in terms:
        epoch = 1 if name == "active" else 0
        ids[name] = functions.consentIdOf(sender, epoch, terms[name], until).call()
    for call in (
        functions.record(0, terms["revoked"], until),
        functions.revoke(ids["revoked"]),
        functions.revokeWithPreimage(sender, 0, terms["tombstone"], until, b""),
        functions.record(0, terms["over"], until),
        functions.revokeAll(),
        functions.record(1, terms["active"], until),
    ):
        web3.eth.wait_for_transaction_receipt(call.transact({"from": sender}))

    def shown(name: str) -> list[str]:
        values = {
            "RPC": rpc,
            "REGISTRY": registry.address,
            "ID": Web3.to_hex(ids[name]),
            "CONTROLLER": sender,
        }
        return [line.split(" ")[0] for line in cast("REGISTRY", values)]

    nobody = "0x" + 40 * "0"
    assert shown("none") == ["0", nobody, "0", "0", "0", "1"]
    assert shown("active")[:3] == ["1", sender, str(until)]
    assert shown("active")[4:] == ["1", "1"]
    revoked, tombstone, over = shown("revoked"), shown("tombstone"), shown("over")
    assert revoked[:3] == tombstone[:3] == ["2", sender, "0"]
    assert revoked[3] != "0"
    assert tombstone[3] == "0"
    assert [over[0], over[2], over[4], over[5]] == ["2", str(until), "0", "1"]


@pytest.mark.chain
def test_the_cast_commands_show_participants_and_anchors(rpc: str, web3: Web3) -> None:
    owner, clinic = list(web3.eth.accounts)[:2]
    directory, anchor = deploy(web3, "ParticipantDirectory", owner), deploy(web3, "CheckpointAnchor")
    profile, root = Web3.keccak(text="profile"), Web3.keccak(text="root")
    role = directory.functions.ACCREDITOR_ROLE().call()
    directory.functions.grantRole(role, owner).transact({"from": owner})
    directory.functions.admit(clinic, 1, profile).transact({"from": owner})
    anchor.functions.anchor(0, 10, root).transact({"from": owner})

    values = {"RPC": rpc, "DIRECTORY": directory.address, "PARTICIPANT": clinic}
    assert cast("DIRECTORY", values) == ["1", "false", Web3.to_hex(profile), "0x" + 64 * "0", "0"]
    size, _, shown = cast("ANCHOR", {"RPC": rpc, "ANCHOR": anchor.address, "SENDER": owner})
    assert (size, shown) == ("10", Web3.to_hex(root))


def cast(contract: str, values: dict[str, str]) -> list[str]:
    """The lines that the README's cast commands for `contract` print, its variables filled in."""
    commands = re.findall(rf"^\./foundry (cast call \${contract} .+)$", README, re.MULTILINE)
    assert commands
    lines: list[str] = []
    for command in commands:
        filled = [values.get(word.removeprefix("$"), word) for word in shlex.split(command)]
        run = foundry(*filled)
        assert run.returncode == 0, run.stderr
        lines.extend(run.stdout.splitlines())
    return lines
