"""What the chain shows of each consent, so that two of one patient can be compared."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from eth_abi.abi import decode, encode

from contracts import artifact
from ledger.chain import calls
from ledger.keccak import keccak256
from tests.privacy.dictionary import on_the_grid
from tests.privacy.history import Given, Patient
from tests.privacy.observer import WORD, View, words_of

RUN = 8
"""Bytes that two values may not have in common at any offsets: by chance, once in some 10^11 pairs."""

SMALL = 1 << 16
"""Below it is a number that may stand for nobody, an offset for one."""

_CONSENT = "(address,uint16,bytes32,uint40,bytes)"
_ACTS = {
    "record": ("uint16", "bytes32", "uint40"),
    "recordSigned": (_CONSENT,),
    "recordBatch": (f"{_CONSENT}[]",),
    "revoke": ("bytes32",),
    "revokeSigned": ("bytes32", "bytes"),
    "revokeWithPreimage": ("address", "uint16", "bytes32", "uint40", "bytes"),
    "revokeAll": (),
    "revokeAllSigned": ("address", "uint16", "bytes"),
}
SELECTORS = {keccak256(f"{name}({','.join(types)})".encode())[:4]: name for name, types in _ACTS.items()}
TOPICS = frozenset(
    keccak256(f"{entry['name']}({','.join(field['type'] for field in entry['inputs'])})".encode())
    for entry in artifact(calls.REGISTRY).abi
    if entry["type"] == "event"
)


def acts(view: View) -> Iterator[tuple[bytes, int, list[bytes]]]:
    """Every act in calldata: the controller or consent id that it names, its block, its words."""
    for one in view.envelopes:
        if one.to != view.deployment.registry.lower():
            continue
        name = SELECTORS[one.data[:4]]
        values = decode(_ACTS[name], one.data[4:])
        if name == "recordBatch":
            for item in values[0]:
                yield _raw(item[0]), one.block, words_of(encode([_CONSENT], [item]))
        else:
            yield _subject(name, values, one.sender), one.block, words_of(one.data)


def _subject(name: str, values: tuple[Any, ...], sender: str) -> bytes:
    """The controller, or for acts by id the consent."""
    if name in ("revoke", "revokeSigned"):
        return bytes(values[0])
    if name in ("record", "revokeAll"):
        return _raw(sender)
    return _raw(values[0][0] if name == "recordSigned" else values[0])


def traces(view: View, given: Iterable[Given]) -> dict[Given, list[bytes]]:
    """Every word on chain that is about each consent: calldata, events and storage."""
    owner = {key: one for one in given for key in (_raw(one.controller.address), bytes.fromhex(one.id[2:]))}
    found: dict[Given, list[bytes]] = defaultdict(list)
    for subject, _, words in acts(view):
        if subject in owner:
            found[owner[subject]] += words
    for one in view.at("registry").seen:
        if one.part not in ("event", "storage"):
            continue
        words = words_of(one.data)
        about = {owner[key] for word in words for key in (word, word[12:], word[:20]) if key in owner}
        for consent in about:
            found[consent] += [cut for word in words for cut in _unpacked(word, consent)]
    return found


def _unpacked(word: bytes, consent: Given) -> list[bytes]:
    """A storage word packs the controller with until, time and epoch: those are not the consent's own."""
    controller = _raw(consent.controller.address)
    at = word.find(controller)
    if at < 0 or word[:at].strip(b"\0") == word[at + 20 :].strip(b"\0") == b"":
        return [word]
    return [controller.rjust(WORD, b"\0")]


def shared_numbers(found: Mapping[Given, Iterable[bytes]]) -> frozenset[bytes]:
    """Small numbers, such as the ABI's offsets and lengths, that occur with more than one patient.

    One that only one patient has, in however many consents, may be what they are known by.
    """
    whose: dict[bytes, set[Patient]] = defaultdict(set)
    for given, words in found.items():
        for word in words:
            if int.from_bytes(word, "big") < SMALL:
                whose[word].add(given.patient)
    return frozenset(word for word, patients in whose.items() if len(patients) > 1)


def is_framing(word: bytes, numbers: frozenset[bytes]) -> bool:
    """Whether every consent has such words: v of a signature, events, the date grid, `shared_numbers`."""
    is_v = word[:1] in (b"\x1b", b"\x1c") and not any(word[1:])
    return is_v or word in numbers or word in TOPICS or on_the_grid(word)


def own_words(words: Iterable[bytes], numbers: frozenset[bytes]) -> set[bytes]:
    """What is left of a trace without framing."""
    return {word for word in words if not is_framing(word, numbers)}


def own_runs(words: Iterable[bytes], numbers: frozenset[bytes]) -> set[bytes]:
    """Every run of `RUN` bytes inside a word that is not framing, zero padding taken off."""
    values = [word.strip(b"\0") for word in own_words(words, numbers)]
    return {value[at : at + RUN] for value in values for at in range(len(value) - RUN + 1)}


def blocks_of(view: View, given: Iterable[Given]) -> list[tuple[Given, int]]:
    """In which blocks which consents had an act, by calldata; a batch has one for each item."""
    owner = {key: one for one in given for key in (_raw(one.controller.address), bytes.fromhex(one.id[2:]))}
    return [(owner[subject], block) for subject, block, _ in acts(view) if subject in owner]


def _raw(address: str) -> bytes:
    return bytes.fromhex(address[2:])
