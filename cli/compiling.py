"""Compiling the contracts, with the compiler's troubles told as ours."""

from typing import TYPE_CHECKING

from cli.shapes.stack import ArtifactPart
from ledger.errors import Bug, ToolMissing

if TYPE_CHECKING:
    from contracts import Artifact


def compile_from_source() -> "dict[str, Artifact]":
    """Every contract as the compiler makes it now, by name.

    Raises:
        ToolMissing: the compiler, or a package that the sources import, is not installed.
        Bug: the compiler refuses the sources.
    """
    from contracts import build

    try:
        return build.compile_contracts()
    except build.CompilerMissing as exc:
        raise ToolMissing(str(exc), reason="compiler_missing", fix="Run: make setup") from exc
    except build.CompilationFailed as exc:
        raise Bug(f"the contracts do not compile: {exc}", reason="compilation_failed") from exc


def compile_all(*, write: bool) -> list[ArtifactPart]:
    """Compile every contract and compare it with the committed artifact; replace that if asked to.

    Raises:
        LedgerError: see `compile_from_source`.
    """
    from contracts import build

    parts = []
    for name, artifact in sorted(compile_from_source().items()):
        path, raw = build.ARTIFACTS / f"{name}.json", artifact.to_json()
        same = path.is_file() and path.read_bytes() == raw
        if write and not same:
            path.write_bytes(raw)
        parts.append(ArtifactPart(name=name, bytes=len(artifact.deployed_bytecode), same_as_committed=same))
    return parts
