"""Tags for entries about accounts that nobody enrolled.

A receipt shows the tag, so it must look like any other: 20 bytes, the same for the same account every time.
The gateway recognises its own by a keyed mark in the last eight, and derives their data key.
"""

import hmac

from ledger.ids import Did
from ledger.store.tombstone import Tombstone
from ledger.store.vault import DataKeys

_HEAD = 12


class MadeUpTags:
    """Makes tags and their data keys from one 32-byte secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def tag(self, did: Did) -> bytes:
        """The tag for a did, 20 bytes."""
        head = self._mac(b"tag", did.encode())[:_HEAD]
        return head + self._mark(head)

    def data_key(self, tag: bytes) -> bytes | None:
        """The data key of a tag that was made up here, 32 bytes; None for every other tag."""
        if not hmac.compare_digest(tag[_HEAD:], self._mark(tag[:_HEAD])):
            return None
        return self._mac(b"data key", tag)

    def _mark(self, head: bytes) -> bytes:
        return self._mac(b"mark", head)[:8]

    def _mac(self, purpose: bytes, data: bytes) -> bytes:
        return hmac.digest(self._secret, purpose + b"\x00" + data, "sha256")


class WithMadeUp:
    """`DataKeys` that also answers for made-up tags; those are never created or destroyed."""

    def __init__(self, keys: DataKeys, made_up: MadeUpTags) -> None:
        self._keys = keys
        self._made_up = made_up

    def create(self, tag: bytes) -> None:
        """See `DataKeys.create`."""
        self._keys.create(tag)

    def key(self, tag: bytes) -> bytes | None:
        """See `DataKeys.key`."""
        return self._keys.key(tag) or self._made_up.data_key(tag)

    def destroy(self, tag: bytes) -> None:
        """See `DataKeys.destroy`."""
        self._keys.destroy(tag)

    def bury(self, tombstone: Tombstone) -> None:
        """See `DataKeys.bury`."""
        self._keys.bury(tombstone)

    def buried(self, tag: bytes) -> bool:
        """See `DataKeys.buried`."""
        return self._keys.buried(tag)

    def tombstones(self) -> list[Tombstone]:
        """See `DataKeys.tombstones`."""
        return self._keys.tombstones()
