"""A chain of one's own: anvil as a managed child whose state survives restarts, kill -9 included.

What differs from anvil as it comes: only loopback; blocks on demand and a slow pulse instead of one a second
(every second would add megabytes an hour to a file that is rewritten each second); ``safe`` and ``finalized``
one and two blocks behind the head; the state on disk at most a second behind; old states not kept, since
nothing here asks for them. After a kill the chain may be some blocks shorter.
"""

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ledger.chain import guard
from ledger.chain.rpc import Rpc
from ledger.errors import Bug, StoreUnavailable, ToolMissing
from ledger.ids import Address

CHAIN_ID = 31337
_READY_SECONDS = 60.0


class Devnet:
    """One chain in one directory. ``with Devnet(directory) as chain: Rpc(chain.url)``."""

    def __init__(
        self, state_dir: Path, port: int = 0, *, program: Path | None = None, mining: bool = True
    ) -> None:
        """Name the chain; nothing is started yet.

        Args:
            state_dir: where its state is kept; made if absent (mode 0700).
            port: on which to listen; 0 for a free one, which this object then keeps.
            program: anvil; found if absent.
            mining: False for a chain that gets a block only by ``evm_mine``, for tests.
        """
        self._directory = state_dir
        self._port = port
        self._program = program
        self._mining = mining
        self._guard: subprocess.Popen[str] | None = None
        self._pid = 0

    @property
    def url(self) -> str:
        """The URL of its RPC."""
        if not self._port:
            raise Bug("the devnet was not started", reason="devnet_not_started")
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """Anvil's process id."""
        return self._pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._guard is not None and self._guard.poll() is None

    def start(self) -> Self:
        """Start anvil with the state of the last run and wait until it answers; success if it runs already.

        Raises:
            ToolMissing: no anvil.
            StoreUnavailable: it does not start: directory in use, state damaged, port taken.
        """
        if self.alive:
            return self
        program = self._program or find_anvil()
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._guard = subprocess.Popen(  # noqa: S603 - the command line is ours
            [*self._guard_command(), *self._command(program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        word = self._first_word(self._guard)
        if "port" not in word:
            self.stop()
            raise StoreUnavailable(
                f"the devnet does not start: {word.get('failed', 'no word from it')}",
                reason="devnet_failed",
                fix="stop the other one, or remove its directory to begin a new chain",
            )
        self._pid, self._port = int(word["pid"]), int(word["port"])
        return self

    def stop(self) -> None:
        """End anvil and wait until its state is on disk."""
        if self._guard is None:
            return
        if self._guard.stdin is not None:
            self._guard.stdin.close()
        try:
            self._guard.wait(guard.STOP_SECONDS * 2)
        except subprocess.TimeoutExpired:
            self._guard.kill()
            self._guard.wait()
        if self._guard.stdout is not None:
            self._guard.stdout.close()
        self._guard = None

    def fund(self, address: Address, wei: int) -> None:
        """Give an account this balance.

        Raises:
            ChainUnreachable: the devnet does not answer.
        """
        rpc = Rpc(self.url)
        try:
            rpc.request("anvil_setBalance", address, hex(wei))
        finally:
            rpc.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _guard_command(self) -> list[str]:
        return [sys.executable, "-I", guard.__file__, str(self._directory), str(int(self._mining)), "--"]

    def _command(self, program: Path) -> list[str]:
        settings = {
            "--host": "127.0.0.1",
            "--port": str(self._port),
            "--chain-id": str(CHAIN_ID),
            "--state": str(self._directory / guard.STATE),
            "--state-interval": "1",
            "--prune-history": "128",
            "--slots-in-an-epoch": "1",
        }
        words = [word for pair in settings.items() for word in pair]
        return [str(program), *words, *([] if self._mining else ["--no-mining"])]

    def _first_word(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        """The guard's first line; if it takes too long, the guard is ended."""
        limit = threading.Timer(_READY_SECONDS, process.kill)
        limit.start()
        try:
            line = process.stdout.readline() if process.stdout is not None else ""
        finally:
            limit.cancel()
        return dict(json.loads(line)) if line else {}


def find_anvil() -> Path:
    """Anvil on the PATH, else the one beside the contracts (the native program, not its wrapper).

    Raises:
        ToolMissing: there is none.
    """
    import contracts

    modules = Path(contracts.__file__).parent / "node_modules"
    on_path = shutil.which("anvil")
    native = sorted(modules.glob("@foundry-rs/anvil-*/bin/anvil*"))
    found = [Path(on_path)] if on_path else [*native, modules / ".bin" / "anvil"]
    if not found[0].exists():
        raise ToolMissing("anvil is not installed", fix="run npm ci in contracts/, or install Foundry")
    return found[0]
