"""Which node a command asks, and which deployment it means."""

from pathlib import Path
from typing import TYPE_CHECKING

from cli.session import Session
from ledger.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from ledger.chain.deployment import Deployment
    from ledger.chain.networks import Network


def node_url(session: Session) -> str:
    """The node: flag, else environment, else the profile's, else that of `consent up`.

    Raises:
        NotFound: none of them names one.
        InvalidInput: it is not an http or https address.
    """
    from ledger.client.config import check_nodes

    named = session.overrides().get("rpc")
    if named:
        return check_nodes(named)
    try:
        return session.config.rpc
    except NotFound as exc:
        raise NotFound(
            "no chain node is named, and no devnet runs here",
            reason="no_node",
            fix="Name one with --rpc URL, or start a devnet with 'consent up'.",
        ) from exc


def deployment_at(session: Session, chain_id: int, named: Path | None) -> "Deployment":
    """The deployment on a chain: of the file named, else the profile's, else the one that is kept here.

    Raises:
        NotFound: there is none.
        InvalidInput: a file that holds something else.
    """
    from ledger.chain import deployment

    if named is not None:
        return deployment.read(named)
    try:
        config = session.config
    except NotFound:
        config = None
    if config is not None and config.deployment.chain_id == chain_id:
        return config.deployment
    kept = kept_file(chain_id)
    if not kept.exists():
        raise NotFound(
            f"no deployment on chain {chain_id} is known here",
            reason="no_deployment",
            fix="Name its file with --deployment FILE.",
        )
    return deployment.read(kept)


def kept_file(chain_id: int) -> Path:
    """Where the deployment on a chain is kept, beside the sources of the contracts."""
    import contracts

    return Path(contracts.__file__).parent / "deployments" / f"{chain_id}.json"


def output_file(chain_id: int, named: Path | None) -> Path:
    """Where a new deployment is to be written: the file named, else `kept_file` in a checkout.

    Raises:
        InvalidInput: no file is named, and this is no checkout.
    """
    kept = kept_file(chain_id)
    if named is None and not (kept.parents[2] / "pyproject.toml").exists():
        raise InvalidInput(
            "this is no checkout that could keep the deployment",
            reason="output_needed",
            fix="Name a file for it: --output FILE",
        )
    return named or kept


def chosen_network(session: Session, given: str) -> tuple[str, "Network | None"]:
    """The node's URL and, if `given` is a network's name and not itself a URL, that network.

    Raises:
        NotFound: a network's name, and no node is named anywhere.
        InvalidInput: no such network, no usable URL, or two nodes are named.
    """
    from ledger.chain.networks import NETWORKS, network_named
    from ledger.client.config import check_url

    if "://" not in given:
        network = network_named(given)
        return node_url(session), network
    if session.given.rpc:
        raise InvalidInput("two nodes are named", reason="two_nodes", fix="Leave out --rpc.")
    try:
        return check_url("network", given), None
    except InvalidInput as exc:
        names = ", ".join(network.name for network in NETWORKS)
        raise InvalidInput(
            "--network is not the http or https URL of a node",
            reason="bad_url",
            fix=f"Name one of {names}, or write it like http://127.0.0.1:8545, without a password in it.",
        ) from exc


def require_network(network: "Network", chain_id: int) -> None:
    """Refuse a node that is not on the network that was named.

    Raises:
        InvalidInput: (``wrong_chain``).
    """
    if network.chain_id != chain_id:
        raise InvalidInput(
            f"the node is on chain {chain_id}, and {network.name} is chain {network.chain_id}",
            reason="wrong_chain",
            fix=f"Name a node of {network.name} with --rpc URL, or another network.",
        )
