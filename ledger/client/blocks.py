"""A gateway as a block store, for clients that share no directory or node with it."""

from collections.abc import Iterator
from contextlib import suppress

from ledger.client.gateway import GatewayClient
from ledger.errors import BlockMissing, Forbidden, NotFound
from ledger.ids import Cid
from ledger.records.blocks import BlockStore, missing, require_storable
from ledger.records.cid import parse_cid, require_block
from ledger.records.transfer import upwards


class GatewayBlocks:
    """A `BlockStore` over HTTP that cannot list, and lets go only of what its account has just brought."""

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
        """See `BlockStore.has`; by the gateway's word, which also says no of a damaged block."""
        return self._gateway.has_block(parse_cid(cid))

    def adopt(self, root: Cid, source: BlockStore) -> None:
        """See `BlockStore.adopt`; needs an enrolled patient, or a provider in force."""
        for cid in upwards(root, source):
            if not self.has(cid):
                self.put(cid, source.get(cid))

    def delete(self, cid: Cid) -> None:
        """See `BlockStore.delete`; a block that a published record has or somebody else brought stays."""
        with suppress(NotFound):
            self._gateway.take_back_block(parse_cid(cid))

    def cids(self) -> Iterator[Cid]:
        """Forbidden: no client lists a gateway's blocks."""
        raise Forbidden(
            "a gateway's blocks cannot be listed",
            reason="blocks_of_gateway",
            fix="Do it where the blocks are kept.",
        )
