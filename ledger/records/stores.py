"""From a setting to the block store that it names."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ledger.errors import InvalidInput
from ledger.records.blocks import BlockStore, LocalBlockStore
from ledger.records.cid import Codec, cid_of
from ledger.records.replication import ReplicatedBlockStore

_NOBODYS = cid_of(Codec.RAW, b"consent-ledger: is this store there?")


@contextmanager
def opened(setting: str) -> Iterator[BlockStore]:
    """The store of a setting: a directory, or the URL of a Kubo RPC; several with commas, each keeping all.

    Kubo itself is asked nothing yet, so what needs no block works without it.

    Raises:
        InvalidInput: no place, or a URL that is none of a Kubo RPC.
        StoreUnavailable: a directory that cannot be used.
    """
    with ExitStack() as closing:
        stores = [_open(place, closing) for place in places(setting)]
        yield stores[0] if len(stores) == 1 else ReplicatedBlockStore(stores)


def places(setting: str) -> list[str]:
    """The places that a setting names.

    Raises:
        InvalidInput: none, an empty one, or one twice.
    """
    found = [place.strip() for place in setting.split(",")]
    if not all(found) or len(set(found)) != len(found):
        raise InvalidInput(
            "not a list of places for blocks",
            reason="bad_blocks",
            fix="Give directories or addresses such as http://127.0.0.1:5001, with commas between them.",
        )
    return found


def is_url(place: str) -> bool:
    """Whether a place is an address, and not a directory."""
    return "://" in place


def require_usable(store: BlockStore) -> None:
    """Nothing, if the store answers; else StoreUnavailable with the reason."""
    store.has(_NOBODYS)


def _open(place: str, closing: ExitStack) -> BlockStore:
    if not is_url(place):
        return LocalBlockStore(Path(place))
    # Imported here, since it takes a second that most commands need not spend.
    from ledger.records.kubo import KuboBlockStore

    kubo = KuboBlockStore(place)
    closing.callback(kubo.close)
    return kubo
