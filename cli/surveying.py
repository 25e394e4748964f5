"""What `consent network check` asks nodes."""

from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from cli.nodes import deployment_at, node_url
from cli.session import Session, now
from cli.shapes.network import NetworkChecked, NodeExamined, NodeFinding
from ledger.errors import NotFound

if TYPE_CHECKING:
    from ledger.chain.deployment import Deployment
    from ledger.chain.fitness import Examined


def survey(
    session: Session, urls: Sequence[str], *, network: str | None, deployment: Path | None
) -> NetworkChecked:
    """Ask each node, then whether they agree.

    Raises:
        NotFound: no node is named anywhere.
        InvalidInput: not the http or https URL of a node, no such network, or a file without a deployment.
    """
    from ledger.chain.fitness import compare, examine
    from ledger.chain.networks import network_named
    from ledger.chain.rpc import Rpc, shown, urls_in

    wanted = None if network is None else network_named(network)
    contracts = _deployment(session, None if wanted is None else wanted.chain_id, deployment)
    with ExitStack() as stack:
        nodes = [stack.enter_context(closing(Rpc(url))) for url in urls or urls_in(node_url(session))]
        found = [
            (rpc, examine(rpc, now=now().timestamp(), network=wanted, deployment=contracts)) for rpc in nodes
        ]
        agreement = compare(found)
    return NetworkChecked(
        ok=all(one.fit for _, one in found) and (agreement is None or agreement.verdict == "ok"),
        nodes=[_examined(shown(rpc.urls[0]), one) for rpc, one in found],
        agreement=None if agreement is None else NodeFinding(**asdict(agreement)),
    )


def _deployment(session: Session, chain_id: int | None, named: Path | None) -> "Deployment | None":
    """The file named; else the contracts that are known on the network named; else none."""
    if named is None and chain_id is None:
        return None
    try:
        return deployment_at(session, chain_id or 0, named)
    except NotFound:
        if named is not None:
            raise
        return None


def _examined(node: str, examined: "Examined") -> NodeExamined:
    return NodeExamined(
        node=node,
        fit=examined.fit,
        findings=[NodeFinding(**asdict(finding)) for finding in examined.findings],
    )
