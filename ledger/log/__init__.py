"""The disclosure log: an append-only Merkle tree of sealed entries, its checkpoints and receipts."""
