"""The contracts as Python sees them: committed build artifacts, one JSON file per contract.

``artifact("ConsentRegistry")`` is what deployment and bindings need; ``contracts.build`` makes the files from
the sources beside them and proves that they are still what the sources give.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

FORMAT = "consent-ledger/artifact/1"
CONTRACTS = ("CheckpointAnchor", "ConsentRegistry", "ParticipantDirectory")

Reference = tuple[int, int]
"""Where an immutable stands in the deployed bytecode: first byte and length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One compiled contract and everything that decided its bytes.

    ``immutable_references`` names each immutable and the places that its value fills on chain; they are zero
    in ``deployed_bytecode``. ``sources`` holds the SHA-256 of every source that went in, by its path.
    """

    name: str
    source: str
    abi: list[dict[str, Any]] = field(repr=False)
    bytecode: bytes = field(repr=False)
    deployed_bytecode: bytes = field(repr=False)
    immutable_references: Mapping[str, tuple[Reference, ...]] = field(repr=False)
    compiler: str
    settings: Mapping[str, Any] = field(repr=False)
    sources: Mapping[str, str] = field(repr=False)

    def to_json(self) -> bytes:
        """The file's bytes: sorted keys, two spaces, ASCII, one line feed at the end."""
        value = {
            "format": FORMAT,
            "name": self.name,
            "source": self.source,
            "abi": self.abi,
            "bytecode": "0x" + self.bytecode.hex(),
            "deployedBytecode": "0x" + self.deployed_bytecode.hex(),
            "immutableReferences": {
                name: [{"start": start, "length": length} for start, length in places]
                for name, places in self.immutable_references.items()
            },
            "compiler": {"version": self.compiler, "settings": self.settings},
            "sources": self.sources,
        }
        return (json.dumps(value, sort_keys=True, indent=2) + "\n").encode("ascii")

    @classmethod
    def from_json(cls, raw: bytes) -> "Artifact":
        """The artifact in a file.

        Raises:
            ValueError: another format, or bytes that `to_json` would not write.
        """
        value = json.loads(raw)
        if value.get("format") != FORMAT:
            raise ValueError(f"not an artifact of format {FORMAT}")
        artifact = cls(
            name=value["name"],
            source=value["source"],
            abi=value["abi"],
            bytecode=bytes.fromhex(value["bytecode"][2:]),
            deployed_bytecode=bytes.fromhex(value["deployedBytecode"][2:]),
            immutable_references={
                name: tuple((place["start"], place["length"]) for place in places)
                for name, places in value["immutableReferences"].items()
            },
            compiler=value["compiler"]["version"],
            settings=value["compiler"]["settings"],
            sources=value["sources"],
        )
        if artifact.to_json() != raw:
            raise ValueError(f"the artifact of {artifact.name} is not in canonical form")
        return artifact


@cache
def artifact(name: str) -> Artifact:
    """The committed artifact of one of `CONTRACTS`.

    Raises:
        KeyError: no such contract.
        ValueError: the file was changed by hand.
    """
    if name not in CONTRACTS:
        raise KeyError(name)
    return Artifact.from_json((files("contracts") / "artifacts" / f"{name}.json").read_bytes())
