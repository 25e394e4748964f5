"""Compiling the contracts, with the compiler's troubles told as ours."""

from cli.shapes.stack import ArtifactPart
from ledger.errors import Bug, ToolMissing


def compile_all(*, write: bool) -> list[ArtifactPart]:
    """Compile every contract and compare it with the committed artifact; replace that if asked to.

    Raises:
        ToolMissing: the compiler, or a package that the sources import, is not installed.
        Bug: the compiler refuses the sources.
    """
    from contracts import build

    try:
        compiled = build.compile_contracts()
    except build.CompilerMissing as exc:
        raise ToolMissing(str(exc), reason="compiler_missing", fix="Run: make setup") from exc
    except build.CompilationFailed as exc:
        raise Bug(f"the contracts do not compile: {exc}", reason="compilation_failed") from exc
    parts = []
    for name, artifact in sorted(compiled.items()):
        path, raw = build.ARTIFACTS / f"{name}.json", artifact.to_json()
        same = path.is_file() and path.read_bytes() == raw
        if write and not same:
            path.write_bytes(raw)
        parts.append(ArtifactPart(name=name, bytes=len(artifact.deployed_bytecode), same_as_committed=same))
    return parts
