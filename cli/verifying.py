"""Comparing what is deployed with what the compiler makes of the sources."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from cli.compiling import compile_from_source
from cli.nodes import deployment_at, node_url
from cli.owners import owner_named
from cli.session import Session
from cli.shapes.contracts import ContractsVerified, DeployedPart
from cli.shapes.stack import CheckPart
from ledger.errors import ToolMissing

if TYPE_CHECKING:
    from contracts import Artifact
    from ledger.chain.verification import Verification


def verify(
    session: Session, *, deployment: Path | None, artifacts: bool, owner: str | None
) -> ContractsVerified:
    """What a node says of a deployment, compared with the sources, or with the committed artifacts.

    Raises:
        ChainUnreachable: the node does not answer.
        ToolMissing: no compiler, and the artifacts are not asked for.
        InvalidInput, NotFound: no node or no deployment is known, or something named is none.
    """
    from ledger.chain import verification
    from ledger.chain.rpc import Rpc

    wanted = None if owner is None else owner_named(owner)
    with closing(Rpc(node_url(session))) as rpc:
        found = deployment_at(session, rpc.chain_id(), deployment)
        references = _references(session, artifacts=artifacts)
        verified = verification.verify(rpc, found, references, owner=wanted)
    compiler = next(iter(references.values())).compiler
    return _shape(verified, "artifacts" if artifacts else "sources", compiler)


def _references(session: Session, *, artifacts: bool) -> "Mapping[str, Artifact]":
    from contracts import CONTRACTS, artifact

    if artifacts:
        return {name: artifact(name) for name in CONTRACTS}
    session.output.talk("Compiling the sources ...")
    try:
        return compile_from_source()
    except ToolMissing as exc:
        fix = f"{exc.fix}; or compare with the artifacts that came with this program: --artifacts"
        raise ToolMissing(exc.message, reason=exc.reason, fix=fix) from exc


def _shape(verified: "Verification", compared_with: str, compiler: str) -> ContractsVerified:
    return ContractsVerified(
        ok=verified.ok,
        chain_id=verified.chain_id,
        block=verified.head.number,
        block_hash=verified.head.hash,
        compared_with=compared_with,
        compiler=compiler,
        contracts=[
            DeployedPart(name=one.name, address=one.address, bytes=len(one.code), code_hash=one.code_hash)
            for one in verified.contracts
        ],
        owners=list(verified.owners),
        checks=[CheckPart(name=check.name, ok=check.ok, detail=check.detail) for check in verified.checks],
        notes=list(verified.notes),
    )
