"""Kubo as a daemon of one's own: the private profile, on loopback, for as long as a test lasts."""

import json
import shlex
import signal
import subprocess
from base64 import b32encode
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ledger.ids import Cid
from ledger.records import kuboprofile
from ledger.records.cid import digest_of
from tests.network import eventually
from tests.nodes.programs import find

_PORTS = {"Addresses.API": "/ip4/127.0.0.1/tcp/0", "Addresses.Gateway": "/ip4/127.0.0.1/tcp/0"}


class Kubo:
    """``with Kubo(directory) as node: node.url``; the same directory can be run again."""

    def __init__(self, directory: Path, **settings: object) -> None:
        """Make the repository: the private profile, over it `settings` such as ``Datastore__HashOnRead``."""
        self.repo = directory / "repo"
        self.program, self._log = find("ipfs", "CONSENT_KUBO"), directory / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""
        directory.mkdir(parents=True, exist_ok=True)
        if not (self.repo / "config").exists():
            self.run("init", "--empty-repo", "--algorithm=ed25519")
            for command, _ in kuboprofile.commands():
                self.run(*shlex.split(command)[1:])
        self.configure({**_PORTS, **{name.replace("__", "."): value for name, value in settings.items()}})

    def configure(self, settings: dict[str, object]) -> None:
        """Change settings for the next start."""
        path = self.repo / "config"
        config = json.loads(path.read_bytes())
        for setting, value in settings.items():
            *above, name = setting.split(".")
            place = config
            for part in above:
                place = place.setdefault(part, {})
            place[name] = value
        path.write_text(json.dumps(config))

    def run(self, *words: str) -> str:
        """What `ipfs` says, of the daemon if it runs."""
        ran = subprocess.run(  # noqa: S603 - the command line is ours
            [str(self.program), *words],
            env=self.environment,
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert ran.returncode == 0, ran.stderr.decode()
        return ran.stdout.decode()

    def block_file(self, cid: Cid) -> Path:
        """Where the repository keeps a block."""
        name = b32encode(b"\x12\x20" + digest_of(cid)).decode().rstrip("=")
        return self.repo / "blocks" / name[-3:-1] / f"{name}.data"

    def start(self) -> Self:
        """Run the daemon until it answers; on the port of last time if there was one."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the command line is ours
                [str(self.program), "daemon"], env=self.environment, stdout=log, stderr=log
            )
        eventually(lambda: "Daemon is ready" in self.said or self._require_alive())
        *_, port = (self.repo / "api").read_text().split("/")
        self.url = f"http://127.0.0.1:{port}"
        return self

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the daemon."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def kill(self) -> None:
        """End it as a power cut would."""
        self.stop(signal.SIGKILL)

    def restart(self) -> None:
        """Run again, at the same address."""
        self.stop()
        self.configure({"Addresses.API": f"/ip4/127.0.0.1/tcp/{self.url.rpartition(':')[2]}"})
        self.start()

    def config(self) -> dict[str, Any]:
        """The config on disk."""
        found = json.loads((self.repo / "config").read_bytes())
        assert isinstance(found, dict)
        return found

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def environment(self) -> dict[str, str]:
        """With which `ipfs` finds the repository and reports nothing."""
        return {"IPFS_PATH": str(self.repo), "HOME": str(self.repo), "IPFS_TELEMETRY": "off"}

    @property
    def said(self) -> str:
        """What the daemon has logged."""
        return self._log.read_text("utf-8", "replace")

    def _require_alive(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.said
        return False
