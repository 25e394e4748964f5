"""Where a gateway's settings come from."""

from pathlib import Path

import pytest

from cli.serving import gateway_settings
from ledger.errors import InvalidInput

GIVEN = {"rpc": "http://127.0.0.1:8545", "deployment": Path("deployment.json")}


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STATE", "RPC", "DEPLOYMENT", "PORT"):
        monkeypatch.delenv(f"CONSENT_{name}", raising=False)


def test_a_flag_comes_before_the_environment_and_that_before_the_usual(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, named, flag = tmp_path / "usual", tmp_path / "named", tmp_path / "flag"
    assert gateway_settings(usual, state=None, **GIVEN).state == usual
    monkeypatch.setenv("CONSENT_STATE", str(named))
    assert gateway_settings(usual, state=None, **GIVEN).state == named
    assert gateway_settings(usual, state=flag, **GIVEN).state == flag


@pytest.mark.parametrize(("name", "missing"), [("RPC", "rpc"), ("DEPLOYMENT", "deployment")])
def test_what_is_needed_is_named(name: str, missing: str, tmp_path: Path) -> None:
    given = {key: value for key, value in GIVEN.items() if key != missing}
    with pytest.raises(InvalidInput) as caught:
        gateway_settings(tmp_path, **given)
    assert caught.value.reason == "bad_setting"
    assert f"CONSENT_{name}" in caught.value.fix


def test_a_setting_out_of_bounds_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSENT_PORT", "70000")
    with pytest.raises(InvalidInput):
        gateway_settings(tmp_path, **GIVEN)
