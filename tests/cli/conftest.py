"""Running commands as a user would, in this process."""

import io
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from cli.main import main
from ledger.canonical import canonical
from tests.cli.support import CONTRACTS, Consent, Ran, Town
from tests.receivers import Receiver


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of one's own, and a passphrase file."""
    for name in ("PROFILE", "GATEWAY", "RPC", "BLOCKS"):
        monkeypatch.delenv(f"CONSENT_{name}", raising=False)
    passphrase = tmp_path / "passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text("correct horse battery staple\n")
    monkeypatch.setenv("CONSENT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CONSENT_PASSPHRASE_FILE", str(passphrase))
    return tmp_path / "home"


@pytest.fixture
def consent(home: Path, monkeypatch: pytest.MonkeyPatch) -> Consent:
    """Run one command; stdin is empty, so nobody can be asked."""

    def run(*arguments: str | Path) -> Ran:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main([str(argument) for argument in arguments])
        return Ran(code=code, out=out.getvalue(), err=err.getvalue())

    return run


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A network file that names a gateway and a node where nobody answers."""
    path = tmp_path / "network.json"
    content = {
        "format": "consent-ledger/config/1",
        "gateway": "http://127.0.0.1:9",
        "rpc": "http://127.0.0.1:9",
        "deployment": {"chain_id": 31337, "block": 1, **CONTRACTS},
    }
    path.write_bytes(canonical(content))
    return path


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    """A program that the town's operator lets its gateway tell of events."""
    with Receiver().listening() as found:
        yield found


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Town]:
    """A stack with Alice, who has published records, a clinic, an insurer and an auditor."""
    from api.stack import Stack
    from ledger.records.samples import sample_bundle

    home = tmp_path_factory.mktemp("town")
    (home / "passphrase").touch(mode=0o600)
    (home / "passphrase").write_text("only for tests\n")
    with Stack(home / "stack", anchor_interval=1, webhook_allow=receiver.authority) as stack:
        town = Town(home=home, database=stack.database)
        town.newcomer("alice")
        town.admitted("clinic", "City Hospital")
        town.admitted("insurer", "Old Insurance")
        town.admitted("auditor", "Ada Audit", "auditor")
        application = town.ok("gateway", "apply", "--name", "Test gateway")["application"]
        (home / "gateway.application").write_text(application)
        town.ok("participant", "admit", home / "gateway.application", "--yes")
        town.introduced("alice", "clinic", "insurer")
        (home / "bundle.json").write_bytes(sample_bundle())
        town.ok("-p", "alice", "record", "add", home / "bundle.json")
        yield town
