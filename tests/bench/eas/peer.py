"""The same acts on the Ethereum Attestation Service, as its package 1.9.0 ships it compiled.

What is attested is what our registry records, in the cheapest shape that EAS has for it: a revocable schema
without a resolver, ``bytes32 termsHash,uint40 until`` packed into 37 bytes of data, no recipient, no expiry
of EAS's own, no reference; sent by the attester. The bytecode is the one that the package carries in
``artifacts/contracts``, not the older one that is deployed on mainnet.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ledger.chain.create2 import PROXY, create2_address
from ledger.chain.facts import Receipt
from ledger.chain.rpc import Rpc
from ledger.ids import Address
from ledger.keccak import keccak256

HERE = Path(__file__).parent
PACKAGE = "@ethereum-attestation-service/eas-contracts"
ARTIFACTS = HERE / "node_modules" / PACKAGE / "artifacts" / "contracts"

NOBODY = "0x" + 40 * "0"
SCHEMA = "bytes32 termsHash,uint40 until"

Send = Callable[[bytes, bytes], Receipt]
"""Sends calldata to an address, and gives the receipt."""


def install() -> None:
    """Installs the package beside this file, by the lock, unless it is there; exits with 1 if that fails."""
    if ARTIFACTS.is_dir():
        return
    print(f"gas: installing {PACKAGE} into tests/bench/eas", file=sys.stderr)
    npm = shutil.which("npm")
    command = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    if npm is None or subprocess.run([npm, *command], cwd=HERE, check=False).returncode:  # noqa: S603
        sys.exit(f"gas: {PACKAGE} is missing; run `npm ci --ignore-scripts` in tests/bench/eas")


class Eas:
    """EAS and its schema registry, deployed by `send`."""

    def __init__(self, rpc: Rpc, send: Send) -> None:
        from eth_abi.abi import encode
        from eth_abi.packed import encode_packed

        self._rpc, self._send = rpc, send
        schemas = self._deploy("SchemaRegistry")
        self._eas = self._deploy("EAS", encode(["address"], [schemas]))
        register = ["string", "address", "bool"]
        self._call(schemas, "register(string,address,bool)", register, [SCHEMA, NOBODY, True])
        self._schema = keccak256(encode_packed(register, [SCHEMA, NOBODY, True]))

    def attest(self, terms_hash: bytes, until: int) -> Receipt:
        """Attests to one consent."""
        shape = f"(bytes32,{_REQUEST})"
        request = (self._schema, _request(terms_hash, until))
        return self._call(self._eas, f"attest({shape})", [shape], [request])

    def multi_attest(self, consents: list[tuple[bytes, int]]) -> Receipt:
        """Attests to several consents in one call."""
        shape = f"(bytes32,{_REQUEST}[])[]"
        requests = [(self._schema, [_request(*consent) for consent in consents])]
        return self._call(self._eas, f"multiAttest({shape})", [shape], [requests])

    def revoke(self, attested: Receipt) -> Receipt:
        """Revokes the attestation that `attest` made."""
        (log,) = self._rpc.logs(attested.number, attested.number, [self._eas])
        shape = "(bytes32,(bytes32,uint256))"
        request = (self._schema, (log.data[:32], 0))
        return self._call(self._eas, f"revoke({shape})", [shape], [request])

    def _call(self, to: Address, signature: str, types: list[str], arguments: list[Any]) -> Receipt:
        from eth_abi.abi import encode

        data = keccak256(signature.encode())[:4] + encode(types, arguments)
        return self._send(bytes.fromhex(to[2:]), data)

    def _deploy(self, name: str, arguments: bytes = b"") -> Address:
        artifact = json.loads((ARTIFACTS / f"{name}.sol" / f"{name}.json").read_bytes())
        init_code = bytes.fromhex(artifact["bytecode"][2:]) + arguments
        self._send(bytes.fromhex(PROXY[2:]), _SALT + init_code)
        return create2_address(PROXY, _SALT, init_code)


_SALT = bytes(32)
_REQUEST = "(address,uint64,bool,bytes32,bytes,uint256)"


def _request(terms_hash: bytes, until: int) -> tuple[Any, ...]:
    return NOBODY, 0, True, bytes(32), terms_hash + until.to_bytes(5, "big"), 0
