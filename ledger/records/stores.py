"""From a setting to the block store that it names."""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ledger.errors import InvalidInput, StoreUnavailable
from ledger.records.blocks import BlockStore, LocalBlockStore
from ledger.records.cid import Codec, cid_of
from ledger.records.replication import ReplicatedBlockStore

_TOKEN_LIMIT = 1024
_NOBODYS = cid_of(Codec.RAW, b"consent-ledger: is this store there?")


@contextmanager
def opened(
    setting: str, *, factor: int | None = None, token_file: Path | None = None
) -> Iterator[BlockStore]:
    """The store of a setting: a directory, or the URL of a Kubo RPC; several with commas, each keeping all.

    Kubo itself is asked nothing yet, so what needs no block works without it.

    Args:
        setting: the places, in the order in which they are read.
        factor: how many of them must have taken a block before it counts as kept; all if absent.
        token_file: holds the token that the Kubos among them ask for.

    Raises:
        InvalidInput: no place, a URL that is none of a Kubo RPC, a factor that so many places cannot meet, or
            a file without a token.
        StoreUnavailable: a directory or the token's file that cannot be used.
    """
    token = None if token_file is None else read_token(token_file)
    with ExitStack() as closing:
        stores = [_open(place, token, closing) for place in places(setting)]
        kept = ReplicatedBlockStore(stores, factor=factor)
        yield stores[0] if len(stores) == 1 else kept


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


def read_token(path: Path) -> str:
    """The token in a file: one line of visible ASCII characters.

    Raises:
        InvalidInput: nothing of that kind, or others than its owner may read it.
        StoreUnavailable: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            shared = stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077
            text = file.read(_TOKEN_LIMIT + 1).decode("ascii", "replace").removesuffix("\n")
    except OSError as exc:
        raise StoreUnavailable(
            f"the file {path} with the token for Kubo cannot be read", reason="token_not_read"
        ) from exc
    if shared:
        raise InvalidInput(
            f"others can read the token in {path}", reason="token_exposed", fix=f"Run: chmod 600 {path}"
        )
    if len(text) > _TOKEN_LIMIT or not re.fullmatch("[!-~]+", text):
        raise InvalidInput(
            f"there is no token in {path}",
            reason="bad_token",
            fix="Write the token into it, and nothing else.",
        )
    return text


def require_usable(store: BlockStore) -> None:
    """Nothing, if the store answers; else StoreUnavailable with the reason."""
    store.has(_NOBODYS)


def _open(place: str, token: str | None, closing: ExitStack) -> BlockStore:
    if not is_url(place):
        return LocalBlockStore(Path(place))
    # Imported here, since it takes a second that most commands need not spend.
    from ledger.records.kubo import KuboBlockStore

    kubo = KuboBlockStore(place, token=token)
    closing.callback(kubo.close)
    return kubo
