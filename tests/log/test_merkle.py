"""RFC 6962 against a naive reading of the RFC, our vectors, and roots that other implementations publish."""

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import InvalidInput, ProofInvalid
from ledger.log.merkle import Tree, leaf_hash, root_of, verify_consistency, verify_inclusion

VECTORS = Path(__file__).parents[1] / "vectors" / "merkle.json"

CT_LEAVES = (
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
)
"""The eight leaves on which the implementations of Certificate Transparency agree."""

CT_ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(bytes([number % 256, number // 256])) for number in range(count)]


def split(count: int) -> int:
    half = 1
    while half * 2 < count:
        half *= 2
    return half


def naive_root(hashes: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, from leaf hashes."""
    if not hashes:
        return sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    half = split(len(hashes))
    return sha256(b"\x01" + naive_root(hashes[:half]) + naive_root(hashes[half:])).digest()


def naive_path(index: int, hashes: Sequence[bytes]) -> list[bytes]:
    """PATH of RFC 6962, 2.1.1."""
    if len(hashes) == 1:
        return []
    half = split(len(hashes))
    if index < half:
        return [*naive_path(index, hashes[:half]), naive_root(hashes[half:])]
    return [*naive_path(index - half, hashes[half:]), naive_root(hashes[:half])]


def naive_subproof(old: int, hashes: Sequence[bytes], *, whole: bool = True) -> list[bytes]:
    """PROOF and SUBPROOF of RFC 6962, 2.1.2."""
    if old == len(hashes):
        return [] if whole else [naive_root(hashes)]
    half = split(len(hashes))
    if old <= half:
        return [*naive_subproof(old, hashes[:half], whole=whole), naive_root(hashes[half:])]
    return [*naive_subproof(old - half, hashes[half:], whole=False), naive_root(hashes[:half])]


def make_vectors() -> dict[str, Any]:
    """What the file must hold, from the naive implementation."""
    hashes = [leaf_hash(bytes.fromhex(data)) for data in CT_LEAVES]
    sizes = range(1, len(hashes) + 1)
    return {
        "about": "RFC 6962 tree over the leaf data below; made by tests/log/test_merkle.py",
        "leaves": list(CT_LEAVES),
        "roots": [naive_root(hashes[:size]).hex() for size in range(len(hashes) + 1)],
        "inclusion": [
            {"index": index, "size": size, "proof": [step.hex() for step in naive_path(index, hashes[:size])]}
            for size in sizes
            for index in range(size)
        ],
        "consistency": [
            {"old": old, "new": new, "proof": [step.hex() for step in naive_subproof(old, hashes[:new])]}
            for new in sizes
            for old in range(1, new + 1)
        ],
    }


def test_the_vectors_regenerate_byte_identically() -> None:
    assert VECTORS.read_text() == json.dumps(make_vectors(), indent=1) + "\n"


def test_the_vectors_hold_for_tree_and_verification() -> None:
    vectors = json.loads(VECTORS.read_text())
    tree = Tree(leaf_hash(bytes.fromhex(data)) for data in vectors["leaves"])
    roots = [bytes.fromhex(root) for root in vectors["roots"]]
    assert [tree.root(size) for size in range(9)] == roots
    for case in vectors["inclusion"]:
        proof = [bytes.fromhex(step) for step in case["proof"]]
        assert tree.inclusion_proof(case["index"], case["size"]) == proof
        verify_inclusion(tree.leaf(case["index"]), case["index"], case["size"], proof, roots[case["size"]])
    for case in vectors["consistency"]:
        proof = [bytes.fromhex(step) for step in case["proof"]]
        assert tree.consistency_proof(case["old"], case["new"]) == proof
        verify_consistency(case["old"], roots[case["old"]], case["new"], roots[case["new"]], proof)


def test_the_roots_are_those_of_certificate_transparency() -> None:
    tree = Tree(leaf_hash(bytes.fromhex(data)) for data in CT_LEAVES)
    assert {size: tree.root(size).hex() for size in CT_ROOTS} == CT_ROOTS


@settings(deadline=None)
@given(st.lists(st.binary(min_size=32, max_size=32), max_size=70))
def test_every_root_and_stream_equals_the_naive_one(hashes: list[bytes]) -> None:
    tree = Tree(hashes)
    for size in range(len(hashes) + 1):
        expected = naive_root(hashes[:size])
        assert tree.root(size) == expected
        assert root_of(iter(hashes[:size])) == expected


@settings(deadline=None)
@given(st.integers(1, 300), st.data())
def test_proofs_equal_the_naive_ones_and_verify(size: int, data: st.DataObject) -> None:
    hashes = leaves(size)
    tree = Tree(hashes)
    within = data.draw(st.integers(1, size))
    index = data.draw(st.integers(0, within - 1))
    path = tree.inclusion_proof(index, within)
    assert path == naive_path(index, hashes[:within])
    verify_inclusion(hashes[index], index, within, path, naive_root(hashes[:within]))
    proof = tree.consistency_proof(within, size)
    assert proof == naive_subproof(within, hashes)
    verify_consistency(within, naive_root(hashes[:within]), size, naive_root(hashes), proof)


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7, 8, 11])
def test_an_inclusion_proof_shows_one_leaf_at_one_index_of_one_size_only(size: int) -> None:
    hashes = leaves(size)
    tree = Tree(hashes)
    root = tree.root()
    for index in range(size):
        proof = tree.inclusion_proof(index, size)
        shorter = [proof[:-1]] if proof else []
        for each in (*shorter, [*proof, root], [root, *proof], *flipped(proof)):
            with pytest.raises(ProofInvalid):
                verify_inclusion(hashes[index], index, size, each, root)
        for other in (*range(index), *range(index + 1, size), -1, size):
            with pytest.raises(ProofInvalid):
                verify_inclusion(hashes[index], other, size, proof, root)
        with pytest.raises(ProofInvalid):
            verify_inclusion(sha256(hashes[index]).digest(), index, size, proof, root)


@pytest.mark.parametrize(("old", "new"), [(1, 2), (2, 3), (3, 7), (4, 8), (6, 11), (7, 8), (8, 11)])
def test_a_consistency_proof_ties_exactly_two_trees(old: int, new: int) -> None:
    tree = Tree(leaves(new))
    first, second, proof = tree.root(old), tree.root(new), tree.consistency_proof(old, new)
    for wrong in (proof[:-1], [*proof, second], [], *flipped(proof)):
        with pytest.raises(ProofInvalid):
            verify_consistency(old, first, new, second, wrong)
    for sizes in ((old, 4 * new), (old, 8 * new), (new, old), (0, new)):
        with pytest.raises(ProofInvalid):
            verify_consistency(sizes[0], first, sizes[1], second, proof)
    for roots in ((second, second), (first, first), (second, first)):
        with pytest.raises(ProofInvalid):
            verify_consistency(old, roots[0], new, roots[1], proof)


def test_a_rewritten_history_has_no_consistency_proof() -> None:
    honest, forged = Tree(leaves(9)), Tree([*leaves(3), bytes(32), *leaves(9)[4:]])
    with pytest.raises(ProofInvalid):
        verify_consistency(5, honest.root(5), 9, forged.root(9), forged.consistency_proof(5, 9))


def test_equal_sizes_need_equal_roots_and_no_proof() -> None:
    root = Tree(leaves(4)).root()
    verify_consistency(4, root, 4, root, [])
    with pytest.raises(ProofInvalid):
        verify_consistency(4, root, 4, Tree(leaves(3)).root(), [])
    with pytest.raises(ProofInvalid):
        verify_consistency(4, root, 4, root, [root])


@pytest.mark.parametrize(("old", "new"), [(0, 4), (5, 4), (-1, 4)])
def test_sizes_that_cannot_follow_each_other_are_refused(old: int, new: int) -> None:
    tree = Tree(leaves(4))
    with pytest.raises(InvalidInput):
        tree.consistency_proof(old, new)
    with pytest.raises(ProofInvalid):
        verify_consistency(old, tree.root(), new, tree.root(), [])


def test_a_leaf_is_never_taken_for_a_node() -> None:
    left, right = leaves(2)
    assert leaf_hash(left + right) != Tree([left, right]).root()


def test_questions_outside_the_tree_are_refused() -> None:
    tree = Tree(leaves(3))
    for ask in (lambda: tree.root(4), lambda: tree.leaf(3), lambda: tree.inclusion_proof(2, 2)):
        with pytest.raises(InvalidInput):
            ask()
    with pytest.raises(InvalidInput):
        tree.append(b"short")


def flipped(proof: list[bytes]) -> list[list[bytes]]:
    """The proof with one byte changed, cut or added in each step in turn."""
    found = []
    for at, step in enumerate(proof):
        for wrong in (bytes([step[0] ^ 1]) + step[1:], step[:-1], step + b"\x00"):
            found.append([*proof[:at], wrong, *proof[at + 1 :]])
    return found
