"""A gateway as a block store, for clients that share no directory or node with it."""

from collections.abc import Iterator

from ledger.client.gateway import GatewayClient
from ledger.errors import BlockMissing, Forbidden, NotFound
from ledger.ids import Cid
from ledger.records.blocks import BlockStore, missing, require_storable
from ledger.records.cid import parse_cid, require_block
from ledger.records.transfer import copy_record


class GatewayBlocks:
    """A `BlockStore` over HTTP. It can neither delete nor list: what it holds is the gateway's to keep."""

    def __init__(self, gateway: GatewayClient) -> None:
        self._gateway = gateway

    def put(self, cid: Cid, data: bytes) -> None:
        """See `BlockStore.put`; needs an enrolled patient, or a provider in force."""
        require_storable(cid, data)
        self._gateway.put_block(cid, data)

    def get(self, cid: Cid) -> bytes:
        """See `BlockStore.get`; the bytes are hashed here, whatever the gateway says they are."""
        try:
            data = self._gateway.block(parse_cid(cid))
        except (NotFound, BlockMissing) as exc:
            raise missing(cid) from exc
        require_block(cid, data)
        return data

    def has(self, cid: Cid) -> bool:
        """See `BlockStore.has`; fetches the block."""
        try:
            self._gateway.block(parse_cid(cid))
        except (NotFound, BlockMissing):
            return False
        return True

    def adopt(self, root: Cid, source: BlockStore) -> None:
        """See `BlockStore.adopt`; needs an enrolled patient, or a provider in force."""
        copy_record(root, source, self)

    def delete(self, cid: Cid) -> None:
        """Forbidden: no client deletes from a gateway."""
        raise _not_ours()

    def cids(self) -> Iterator[Cid]:
        """Forbidden: no client lists a gateway's blocks."""
        raise _not_ours()


def _not_ours() -> Forbidden:
    return Forbidden(
        "a gateway's blocks can be stored and fetched only",
        reason="blocks_of_gateway",
        fix="Do it where the blocks are kept.",
    )
