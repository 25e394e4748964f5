"""geth as a second client: a development chain of its own, on loopback, for as long as a test lasts."""

import re
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from ledger.chain.rpc import Rpc
from ledger.ids import Address
from tests.network import eventually
from tests.nodes.programs import find

CHAIN_ID = 1337
_ENDPOINT = re.compile(r"HTTP server started +endpoint=(\S+)")


class Geth:
    """``with Geth(directory) as node: node.rpc``; a block every second, and an account that has ether."""

    def __init__(self, directory: Path) -> None:
        self._program, self._directory, self._log = find("geth", "CONSENT_GETH"), directory, directory / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    @property
    def keystores(self) -> list[Path]:
        """The keystore of its own account, with an empty passphrase."""
        return list((self._directory / "keystore").iterdir())

    @property
    def rpc(self) -> Rpc:
        return self._rpc

    def fund(self, address: Address, wei: int) -> None:
        """Give an account ether from the node's own."""
        (rich,) = self._rpc.request("eth_accounts")
        before = self._rpc.balance(address)
        self._rpc.request("eth_sendTransaction", {"from": rich, "to": address, "value": hex(wei)})
        eventually(lambda: self._rpc.balance(address) == before + wei)

    def wait_blocks(self, count: int) -> None:
        """Until the chain has so many blocks more."""
        wanted = int(self._rpc.request("eth_blockNumber"), 16) + count
        eventually(lambda: int(self._rpc.request("eth_blockNumber"), 16) >= wanted)

    def __enter__(self) -> Self:
        self._directory.mkdir(exist_ok=True)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the command line is ours
                [str(self._program), *self._options()], stdout=log, stderr=log
            )
        eventually(lambda: self._endpoint() is not None or self._require_alive())
        self.url = f"http://{self._endpoint()}"
        self._rpc = Rpc(self.url)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rpc.close()
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)

    def _options(self) -> list[str]:
        settings = {
            "--dev.period": "1",
            "--datadir": str(self._directory),
            "--http.addr": "127.0.0.1",
            "--http.port": "0",
            "--authrpc.port": "0",
            "--port": "0",
            "--maxpeers": "0",
            "--nat": "none",
        }
        words = [word for pair in settings.items() for word in pair]
        return ["--dev", "--http", "--ipcdisable", "--nodiscover", *words]

    def _endpoint(self) -> str | None:
        found = _ENDPOINT.search(self._log.read_text("utf-8", "replace"))
        return found[1] if found else None

    def _require_alive(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text("utf-8", "replace")
        return False
