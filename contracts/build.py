"""Compiles the contracts with py-solc-x and keeps the committed artifacts equal to what the sources give.

::

    python -m contracts.build            writes contracts/artifacts/*.json
    python -m contracts.build --check    writes nothing; names those that differ and exits with 1

The settings are the ones that forge reads, in ``foundry.toml``. The compiler is the one that ``package.json``
pins, behind ``contracts/solc``; a native solc of the same version gives the same bytes.
"""

import argparse
import hashlib
import posixpath
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import solcx
from solcx.exceptions import SolcError

from contracts import CONTRACTS, Artifact, Reference

ROOT = Path(__file__).parent
ARTIFACTS = ROOT / "artifacts"
WRAPPER = ROOT / "solc"
OUTPUT = {
    "*": {
        "*": [
            "abi",
            "evm.bytecode.object",
            "evm.deployedBytecode.object",
            "evm.deployedBytecode.immutableReferences",
        ],
        "": ["ast"],
    }
}
_IMPORT = re.compile(r"""^import\s[^;]*?["']([^"']+)["']""", re.MULTILINE)


class CompilerMissing(Exception):  # noqa: N818 — it names the fault, as ledger.errors does
    """The compiler, or a package that the sources import, is not installed."""


class CompilationFailed(Exception):  # noqa: N818
    """The compiler refuses the sources, or warns about them; the message is the compiler's."""


def settings() -> dict[str, Any]:
    """What ``foundry.toml`` says, in the words of standard JSON."""
    profile = tomllib.loads((ROOT / "foundry.toml").read_text("utf-8"))["profile"]["default"]
    (chain,) = (each for each in profile["additional_compiler_profiles"] if each["name"] == "chain")
    return {
        "remappings": profile["remappings"],
        "optimizer": {"enabled": chain["optimizer"], "runs": chain["optimizer_runs"]},
        "metadata": {"bytecodeHash": profile["bytecode_hash"], "appendCBOR": profile["cbor_metadata"]},
        "evmVersion": profile["evm_version"],
        "viaIR": chain["via_ir"],
    }


def sources() -> dict[str, str]:
    """Our sources and all that they import, by path from ``contracts``.

    Raises:
        CompilerMissing: an imported package is not installed.
    """
    found: dict[str, str] = {}
    waiting = [path.relative_to(ROOT).as_posix() for path in (ROOT / "src").glob("*.sol")]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = _read(name)
            waiting.extend(_resolve(imported, name) for imported in _IMPORT.findall(found[name]))
    return dict(sorted(found.items()))


def compile_contracts(solc: Path = WRAPPER) -> dict[str, Artifact]:
    """Our contracts, compiled from the sources, by name.

    Raises:
        CompilerMissing: no compiler at `solc`, or packages are missing.
        CompilationFailed: the sources give an error or a warning.
    """
    texts, options = sources(), settings()
    standard = {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in texts.items()},
        "settings": {**options, "outputSelection": OUTPUT},
    }
    try:
        version = str(solcx.wrapper.get_solc_version(solc, with_commit_hash=True))
        output = solcx.compile_standard(standard, solc_binary=solc)
    except SolcError as exc:
        raise CompilationFailed(str(exc)) from exc
    except OSError as exc:
        raise CompilerMissing(
            f"{solc.name} does not start; Node.js and `npm ci` in contracts are needed"
        ) from exc
    if output.get("errors"):
        raise CompilationFailed("\n".join(error["formattedMessage"] for error in output["errors"]))
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
    return {name: _artifact(name, output, version, options, digests) for name in CONTRACTS}


def main(argv: Sequence[str] | None = None) -> int:
    """Writes the artifacts, or compares them; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m contracts.build", description="Compile the contracts.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if an artifact differs")
    parser.add_argument("--solc", type=Path, default=WRAPPER, help="another compiler of the same version")
    arguments = parser.parse_args(argv)
    stale = list(_stale(compile_contracts(arguments.solc)))
    for path, raw in stale:
        if not arguments.check:
            path.write_bytes(raw)
        print(
            f"{path.name} {'differs from what the sources give' if arguments.check else 'written'}",
            file=sys.stderr,
        )
    return int(arguments.check and bool(stale))


def _stale(compiled: Mapping[str, Artifact]) -> Iterator[tuple[Path, bytes]]:
    for name, artifact in compiled.items():
        path, raw = ARTIFACTS / f"{name}.json", artifact.to_json()
        if not path.is_file() or path.read_bytes() != raw:
            yield path, raw


def _read(name: str) -> str:
    try:
        return (ROOT / name).read_text("utf-8")
    except FileNotFoundError as exc:
        raise CompilerMissing(f"{name} is missing; run `npm ci` in contracts") from exc


def _resolve(imported: str, importer: str) -> str:
    """The path from ``contracts`` that an import in `importer` means, as the compiler resolves it."""
    if imported.startswith("."):
        return posixpath.normpath(posixpath.join(posixpath.dirname(importer), imported))
    for remapping in settings()["remappings"]:
        prefix, target = str(remapping).split("=")
        if imported.startswith(prefix):
            return target + imported.removeprefix(prefix)
    return imported


def _artifact(
    name: str, output: dict[str, Any], version: str, options: Mapping[str, Any], digests: Mapping[str, str]
) -> Artifact:
    source = f"src/{name}.sol"
    contract = output["contracts"][source][name]
    deployed = contract["evm"]["deployedBytecode"]
    names = dict(_immutables(output["sources"]))
    return Artifact(
        name=name,
        source=source,
        abi=contract["abi"],
        bytecode=bytes.fromhex(contract["evm"]["bytecode"]["object"]),
        deployed_bytecode=bytes.fromhex(deployed["object"]),
        immutable_references={
            names[int(node)]: _places(places) for node, places in deployed["immutableReferences"].items()
        },
        compiler=version,
        settings=options,
        sources=digests,
    )


def _immutables(node: Any) -> Iterator[tuple[int, str]]:  # noqa: ANN401
    """AST id and name of every immutable; the ids change with what else is compiled, the names do not."""
    if isinstance(node, dict):
        if node.get("nodeType") == "VariableDeclaration" and node.get("mutability") == "immutable":
            yield node["id"], node["name"]
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from _immutables(child)


def _places(places: list[dict[str, int]]) -> tuple[Reference, ...]:
    return tuple(sorted((place["start"], place["length"]) for place in places))


if __name__ == "__main__":
    sys.exit(main())
