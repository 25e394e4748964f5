"""What only a real Kubo can show: garbage collection, a killed daemon, a full disk, its own tools."""

import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ledger.client.verifying import check_blocks, repairer
from ledger.errors import BlockMissing, Conflict, StoreUnavailable
from ledger.ids import Cid
from ledger.records import kuboprofile, manifest
from ledger.records.blocks import BlockStore, LocalBlockStore, MemoryBlockStore
from ledger.records.cid import Codec, cid_of
from ledger.records.kubo import KuboBlockStore
from ledger.records.manifest import CHUNK
from ledger.records.replication import ReplicatedBlockStore
from ledger.records.transfer import delete_record
from tests.nodes.daemon import Kubo

TOKEN = "a-token-of-the-test"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Kubo]:
    with Kubo(tmp_path / "kubo") as node:
        yield node


@pytest.fixture
def store(node: Kubo) -> Iterator[KuboBlockStore]:
    store = KuboBlockStore(node.url)
    yield store
    store.close()


def kept(store: KuboBlockStore, count: int) -> dict[Cid, bytes]:
    """Some blocks, put."""
    made = [os.urandom(1000) for _ in range(count)]
    blocks = {cid_of(Codec.RAW, data): data for data in made}
    for cid, data in blocks.items():
        store.put(cid, data)
    return blocks


def test_garbage_collection_takes_nothing_that_was_put(node: Kubo, store: KuboBlockStore) -> None:
    loose = node.run("block", "put", str(node.repo / "config")).strip()
    blocks = kept(store, 5)
    root = manifest.store([os.urandom(CHUNK), b"rest"], store)
    assert loose in node.run("repo", "gc")
    assert all(store.get(cid) == data for cid, data in blocks.items())
    assert len(b"".join(manifest.fetch(root, store))) == CHUNK + 4
    assert all(store.is_kept(cid) for cid in store.cids())


def adopted(store: KuboBlockStore, blocks: int = 3) -> tuple[Cid, list[Cid]]:
    """A record that was adopted: its root, and the blocks below."""
    source = MemoryBlockStore()
    root = manifest.store([os.urandom(CHUNK) for _ in range(blocks)], source)
    store.adopt(root, source)
    return root, [cid for cid, _ in manifest.walk(root, source) if cid != root]


def pins(node: Kubo) -> set[str]:
    """What is pinned, but for the empty directory that Kubo pins for itself."""
    return {cid for cid in node.run("pin", "ls", "--type=recursive", "--quiet").split() if cid[0] == "b"}


def test_the_one_pin_of_an_adopted_record_keeps_all_of_it(node: Kubo, store: KuboBlockStore) -> None:
    root, leaves = adopted(store)
    assert pins(node) == {root}
    node.run("repo", "gc")
    assert set(store.cids()) == {root, *leaves}
    assert len(b"".join(manifest.fetch(root, store))) == 3 * CHUNK
    assert all(store.is_kept(cid) for cid in (root, *leaves))


def test_a_record_that_lost_its_pin_is_pinned_when_it_is_adopted_again(
    node: Kubo, store: KuboBlockStore
) -> None:
    source = MemoryBlockStore()
    root = manifest.store([os.urandom(CHUNK), b"rest"], source)
    store.adopt(root, source)
    node.run("pin", "rm", root)
    assert not store.is_kept(root)
    store.adopt(root, source)
    assert store.is_kept(root)
    assert [check.fault for check in check_blocks([root], store)] == [None]
    node.run("repo", "gc")
    assert len(b"".join(manifest.fetch(root, store))) == CHUNK + 4


@pytest.mark.parametrize("beside", [True, False], ids=["beside a directory", "alone"])
def test_verifying_finds_a_lost_pin_and_renews_it(
    node: Kubo, store: KuboBlockStore, tmp_path: Path, beside: bool
) -> None:
    local = LocalBlockStore(tmp_path / "blocks")
    blocks: BlockStore = ReplicatedBlockStore([local, store]) if beside else store
    source = MemoryBlockStore()
    root = manifest.store([os.urandom(CHUNK), b"rest"], source)
    blocks.adopt(root, source)
    node.run("pin", "rm", root)
    (found,) = check_blocks([root], blocks)
    assert found.fault is not None
    assert found.fault.reason == "not_pinned"
    (mended,) = check_blocks([root], blocks, repair=repairer(blocks))
    assert (mended.fault, mended.repaired) == (None, 1)
    node.run("repo", "gc")
    assert len(b"".join(manifest.fetch(root, store))) == CHUNK + 4


def test_garbage_collection_takes_the_record_that_was_let_go_of_and_no_other(
    node: Kubo, store: KuboBlockStore
) -> None:
    (gone, below), (stays, kept_below) = adopted(store), adopted(store)
    assert delete_record(gone, store) == 4
    assert not any(node.block_file(cid).exists() for cid in (gone, *below))
    node.run("repo", "gc")
    assert set(store.cids()) == {stays, *kept_below}
    assert len(b"".join(manifest.fetch(stays, store))) == 3 * CHUNK


def test_a_block_that_another_record_needs_stays(node: Kubo, store: KuboBlockStore) -> None:
    source, shared = MemoryBlockStore(), os.urandom(CHUNK)
    one, two = manifest.store([shared, b"one"], source), manifest.store([shared, b"two"], source)
    store.adopt(one, source)
    store.adopt(two, source)
    assert delete_record(one, store) == 2
    assert b"".join(manifest.fetch(two, store)) == shared + b"two"
    assert delete_record(two, store) == 3
    assert not node.block_file(cid_of(Codec.RAW, shared)).exists()


class Halting(MemoryBlockStore):
    """A source that does something to the node after some blocks."""

    def __init__(self, blocks: int, act: Callable[[], object]) -> None:
        super().__init__()
        self._left, self._act = blocks, act

    def get(self, cid: Cid) -> bytes:
        self._left -= 1
        if self._left == 0:
            self._act()
        return super().get(cid)


@pytest.mark.parametrize("blocks", [3, 6, 12])
def test_a_daemon_killed_in_the_middle_of_an_adoption_has_no_root_and_is_given_the_rest_later(
    node: Kubo, store: KuboBlockStore, blocks: int
) -> None:
    source = Halting(blocks, node.kill)
    root = manifest.store([os.urandom(CHUNK) for _ in range(12)], source)
    with pytest.raises(StoreUnavailable):
        store.adopt(root, source)
    node.restart()
    assert not store.has(root)
    assert root not in set(store.cids())
    store.adopt(root, source)
    node.run("repo", "gc")
    assert len(b"".join(manifest.fetch(root, store))) == 12 * CHUNK


def test_a_disk_that_fills_up_in_the_middle_of_an_adoption_is_said_and_leaves_no_root(
    small_disk: Path,
) -> None:
    with Kubo(small_disk / "kubo") as node:
        store, source = KuboBlockStore(node.url), MemoryBlockStore()
        before, leaves = adopted(store, 1)
        root = manifest.store([os.urandom(CHUNK) for _ in range(16)], source)
        with pytest.raises(StoreUnavailable) as refused:
            store.adopt(root, source)
        assert refused.value.reason in {"store_full", "kubo_garbled"}
        assert not store.has(root)
        assert set(store.cids()) == {before, *leaves}
        node.run("repo", "gc")
        assert len(b"".join(manifest.fetch(before, store))) == CHUNK
        store.close()


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Kubo]:
    """A node whose RPC asks for a token."""
    rules = {"ours": {"AuthSecret": f"bearer:{TOKEN}", "AllowedPaths": ["/api/v0"]}}
    with Kubo(tmp_path / "kubo", API__Authorizations=rules) as node:
        yield node


def test_a_node_that_asks_for_a_token_is_used_with_it(guarded: Kubo) -> None:
    store = KuboBlockStore(guarded.url, token=TOKEN)
    root, leaves = adopted(store)
    assert set(store.cids()) == {root, *leaves}
    assert TOKEN not in repr(store) + repr(store.rpc) + guarded.said
    store.close()


@pytest.mark.parametrize("token", [None, "another"])
def test_a_node_that_asks_for_a_token_says_what_to_do_to_who_has_none(
    guarded: Kubo, token: str | None
) -> None:
    store = KuboBlockStore(guarded.url, token=token)
    with pytest.raises(StoreUnavailable) as refused:
        store.has(cid_of(Codec.RAW, b"a block"))
    assert refused.value.reason == "kubo_forbidden"
    assert "CONSENT_BLOCKS_TOKEN_FILE" in refused.value.fix
    assert "another" not in str(refused.value.as_dict())
    store.close()


def test_what_was_deleted_is_neither_pinned_nor_there(node: Kubo, store: KuboBlockStore) -> None:
    (cid,) = kept(store, 1)
    store.delete(cid)
    assert not store.is_kept(cid)
    assert not node.block_file(cid).exists()
    assert cid not in node.run("refs", "local")


def test_the_pin_of_the_root_alone_keeps_the_record(node: Kubo, store: KuboBlockStore) -> None:
    root = manifest.store([os.urandom(CHUNK), b"rest"], store)
    leaves = [cid for cid, _ in manifest.walk(root, store) if cid != root]
    for leaf in leaves:
        with pytest.raises(Conflict):
            store.delete(leaf)
    assert pins(node) == {root}
    node.run("repo", "gc")
    assert len(b"".join(manifest.fetch(root, store))) == CHUNK + 4


@pytest.mark.parametrize("way", ["put", "adopted"])
def test_kubo_s_own_tools_understand_a_record(node: Kubo, store: KuboBlockStore, way: str) -> None:
    source = MemoryBlockStore()
    root = manifest.store([os.urandom(CHUNK), b"rest"], store if way == "put" else source)
    if way == "adopted":
        store.adopt(root, source)
    leaves = [cid for cid, _ in manifest.walk(root, store) if cid != root]
    shown = node.run("dag", "get", root)
    assert f'"format":"{manifest.FORMAT}"' in shown
    assert all(f'{{"/":"{leaf}"}}' in shown for leaf in leaves)
    assert f"{root} recursive" in node.run("pin", "ls", "--type=recursive")
    assert set(node.run("refs", "--recursive", root).split()) == set(leaves)
    exported = subprocess.run(  # noqa: S603
        [str(node.program), "dag", "export", "--progress=false", root],
        env=node.environment,
        capture_output=True,
        check=True,
    ).stdout
    assert all(store.get(cid) in exported for cid in (root, *leaves))
    before = set(store.cids())
    store.delete(root)
    node.run("dag", "import", write(node.repo.parent / "record.car", exported))
    assert set(store.cids()) == before


def write(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return str(path)


def test_what_was_acknowledged_outlives_a_killed_daemon(node: Kubo, store: KuboBlockStore) -> None:
    blocks = kept(store, 20)
    node.kill()
    with pytest.raises(StoreUnavailable) as refused:
        store.get(next(iter(blocks)))
    assert refused.value.reason == "kubo_unreachable"
    node.restart()
    assert {cid: store.get(cid) for cid in store.cids()} == blocks
    assert all(store.is_kept(cid) for cid in blocks)


def test_killed_under_many_writers_it_has_what_it_acknowledged(node: Kubo, store: KuboBlockStore) -> None:
    written: dict[Cid, bytes] = {}

    def write_until_it_fails(_: int) -> str:
        while True:
            data = os.urandom(2000)
            try:
                store.put(cid := cid_of(Codec.RAW, data), data)
            except StoreUnavailable as exc:
                return exc.reason
            written[cid] = data
            if len(written) == 40:
                node.kill()

    with ThreadPoolExecutor(4) as pool:
        reasons = set(pool.map(write_until_it_fails, range(4)))
    assert reasons <= {"kubo_unreachable", "kubo_garbled"}
    node.restart()
    assert {cid: store.get(cid) for cid in written} == written
    node.run("repo", "gc")
    assert set(store.cids()) >= set(written)


def test_a_restarted_daemon_is_used_again_without_a_failure(node: Kubo, store: KuboBlockStore) -> None:
    blocks = kept(store, 1)
    node.restart()
    assert {cid: store.get(cid) for cid in store.cids()} == blocks


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 12 MiB; making one needs root."""
    where = tmp_path / "disk"
    where.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m", "none", str(where)]
    subprocess.run(mount, check=True)  # noqa: S603
    try:
        yield where
    finally:
        subprocess.run(["umount", str(where)], check=True)  # noqa: S603, S607


def test_a_full_disk_is_said_and_loses_nothing(small_disk: Path) -> None:
    with Kubo(small_disk / "kubo") as node:
        store = KuboBlockStore(node.url)
        written: dict[Cid, bytes] = {}

        def fill() -> None:
            while True:
                data = os.urandom(CHUNK)
                store.put(cid := cid_of(Codec.RAW, data), data)
                written[cid] = data

        with pytest.raises(StoreUnavailable) as refused:
            fill()
        assert refused.value.reason == "store_full"
        assert written
        assert {cid: store.get(cid) for cid in written} == written
        gone, *_ = written
        store.delete(gone)
        with pytest.raises(BlockMissing):
            store.get(gone)
        data = os.urandom(1000)
        store.put(cid_of(Codec.RAW, data), data)
        store.close()


def test_the_private_profile_exposes_nothing(node: Kubo) -> None:
    assert kuboprofile.findings(node.config(), node.url) == []


def test_a_damaged_block_of_a_record_is_repaired_by_a_put(node: Kubo, store: KuboBlockStore) -> None:
    root = manifest.store([os.urandom(CHUNK), b"rest"], store)
    leaf = next(cid for cid, _ in manifest.walk(root, store) if cid != root)
    whole = store.get(leaf)
    node.block_file(leaf).write_bytes(whole[:-1])
    store.put(leaf, whole)
    assert store.get(leaf) == whole


def test_a_damaged_block_that_kubo_will_not_replace_is_an_error_with_the_way_out(tmp_path: Path) -> None:
    with Kubo(tmp_path / "kubo", Datastore__BlockKeyCacheSize=None) as node:
        store = KuboBlockStore(node.url)
        root = manifest.store([os.urandom(CHUNK), b"rest"], store)
        leaf = next(cid for cid, _ in manifest.walk(root, store) if cid != root)
        whole = store.get(leaf)
        node.block_file(leaf).write_bytes(whole[:-1])
        with pytest.raises(StoreUnavailable) as refused:
            store.put(leaf, whole)
        assert refused.value.reason == "block_not_replaced"
        assert "Datastore.BlockKeyCacheSize 0" in refused.value.fix
        store.close()


def test_nothing_but_loopback_is_listened_on(node: Kubo) -> None:
    listening = node.run("swarm", "addrs", "listen").split()
    assert [address for address in listening if "/tcp/" in address or "/udp/" in address] == []
    assert node.run("swarm", "peers").split() == []
