"""What `consent ipfs check` asks a node."""

from dataclasses import asdict
from pathlib import Path

from cli.shapes.ipfs import IpfsChecked, IpfsFinding
from ledger.records import kuboprofile, stores


def node_in(setting: str) -> str | None:
    """The first node among the places where blocks are kept."""
    return next((place.strip() for place in setting.split(",") if stores.is_url(place)), None)


def examine_node(url: str, token_file: Path | None) -> IpfsChecked:
    """A node's version, pins and settings.

    Raises:
        InvalidInput: not the URL of an RPC, or a file without a token.
        StoreUnavailable: it does not answer, or not as a Kubo of a supported version.
    """
    from ledger.records.kubo import KuboBlockStore

    store = KuboBlockStore(url, token=None if token_file is None else stores.read_token(token_file))
    try:
        findings = kuboprofile.findings(store.rpc.config(), url)
        return IpfsChecked(
            ok=not any(one.exposed for one in findings),
            url=url,
            version=store.rpc.version,
            pins=sum(1 for _ in store.cids()),
            size=store.rpc.size(),
            findings=[IpfsFinding(**asdict(one)) for one in findings],
        )
    finally:
        store.close()
