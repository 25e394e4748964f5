"""Where a gateway's settings come from."""

from pathlib import Path
from typing import Any

import pytest

from cli.serving import gateway_settings
from ledger.canonical import canonical
from ledger.errors import InvalidInput
from tests.cli.support import CONTRACTS

RPC = "http://127.0.0.1:8545"


@pytest.fixture(autouse=True)
def given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """The flags that are needed, and an environment that says nothing."""
    for name in ("STATE", "RPC", "DEPLOYMENT", "PORT"):
        monkeypatch.delenv(f"CONSENT_{name}", raising=False)
    (tmp_path / "deployment.json").write_bytes(canonical({"chain_id": 31337, "block": 1, **CONTRACTS}))
    return {"rpc": RPC, "deployment": tmp_path / "deployment.json"}


def test_a_flag_comes_before_the_environment_and_that_before_the_usual(
    given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, named, flag = tmp_path / "usual", tmp_path / "named", tmp_path / "flag"
    assert gateway_settings(usual, state=None, **given).state == usual
    monkeypatch.setenv("CONSENT_STATE", str(named))
    assert gateway_settings(usual, state=None, **given).state == named
    assert gateway_settings(usual, state=flag, **given).state == flag


@pytest.mark.parametrize(("name", "missing"), [("RPC", "rpc"), ("DEPLOYMENT", "deployment")])
def test_what_is_needed_is_named(name: str, missing: str, given: dict[str, Any], tmp_path: Path) -> None:
    del given[missing]
    with pytest.raises(InvalidInput) as caught:
        gateway_settings(tmp_path, **given)
    assert caught.value.reason == "bad_setting"
    assert f"CONSENT_{name}" in caught.value.message


def test_a_setting_out_of_bounds_is_refused(
    given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONSENT_PORT", "70000")
    with pytest.raises(InvalidInput):
        gateway_settings(tmp_path, **given)
