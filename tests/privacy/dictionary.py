"""A dictionary attack: candidate values, hashed in every way that somebody may have thought was enough.

A finding is a candidate and the way in which it stands on chain. What the attacker does not have are salts
and keys; everything else, true documents included, is among the candidates.
"""

import hashlib
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import coincurve
import rlp  # type: ignore[import-untyped]

from ledger.chain.deployment import Deployment
from ledger.consent import codes
from ledger.consent.moments import SECOND, quarter_end
from ledger.crypto.typed import Terms, consent_digest, consent_domain
from ledger.ids import Address, address_from_bytes, did_of
from ledger.keccak import keccak256
from ledger.records.cid import digest_of
from tests.privacy.history import Given, World
from tests.privacy.observer import KEY, SHORT, WORD, View

NO_END = (1 << 40) - 1
LEAST_WORD = 3
"""Bytes below which a padded value is not told from an offset or a length."""


class Finding(NamedTuple):
    """What was found, and how it stands there."""

    candidate: bytes
    way: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """A consent that the attacker guesses: its text, its document, and who it is of."""

    statement: str
    document: bytes
    account: Address
    until: int


HASHES: dict[str, Callable[[bytes], bytes]] = {
    "keccak": keccak256,
    "sha256": lambda data: hashlib.sha256(data).digest(),
    "sha3": lambda data: hashlib.sha3_256(data).digest(),
    "sha1": lambda data: hashlib.sha1(data, usedforsecurity=False).digest(),
    "blake2": lambda data: hashlib.blake2b(data, digest_size=32).digest(),
    "sha256 twice": lambda data: hashlib.sha256(hashlib.sha256(data).digest()).digest(),
    "keccak twice": lambda data: keccak256(keccak256(data)),
    "keccak of sha256": lambda data: keccak256(hashlib.sha256(data).digest()),
}


def attack(view: View, candidates: Iterable[bytes]) -> set[Finding]:
    """Look every candidate up: as it is, as a word, hashed, and as the seed of an address."""
    return {Finding(one, way) for one in candidates for way in _ways(view, one)}


def attack_terms(view: View, guesses: Iterable[Guess], deployment: Deployment) -> set[Finding]:
    """Look guessed consents up under every salt that follows from the guess."""
    domain = consent_domain(deployment.chain_id, deployment.registry)
    found = set()
    for guess in guesses:
        document = hashlib.sha256(guess.document).digest()
        for name, salt in _own_salts(guess, document):
            terms = Terms(statement=guess.statement, document=document, salt=salt).hash_struct()
            id_ = consent_digest(
                domain, controller=guess.account, epoch=0, terms_hash=terms, until=guess.until
            )
            for what, value in (("terms", terms), ("id", id_)):
                if _is_there(view, value):
                    found.add(Finding(guess.statement.encode(), f"{what} with salt: {name}"))
    return found


def attack_terms_from_chain(view: View, guesses: Iterable[Guess]) -> set[Finding]:
    """Look guessed consents up under every salt made of what the chain shows, or of that and the guess.

    For each guess that is some twenty thousand salts for a thousand consents: so only a few are tried.
    """
    found = set()
    for guess in guesses:
        document = hashlib.sha256(guess.document).digest()
        for name, salt in _chain_salts(guess, document, view):
            terms = Terms(statement=guess.statement, document=document, salt=salt).hash_struct()
            if _is_there(view, terms):
                found.add(Finding(guess.statement.encode(), f"terms with salt: {name}"))
    return found


def _ways(view: View, value: bytes) -> Iterator[str]:
    if len(value) >= SHORT:
        yield from (form for form, text in _texts(value) if view.has_text(text))
    if LEAST_WORD <= len(value) <= WORD and not view.words.isdisjoint(
        (value.ljust(WORD, b"\0"), value.rjust(WORD, b"\0"))
    ):
        yield "word"
    for form, preimage in _preimages(value):
        for name, hash_ in HASHES.items():
            if _is_there(view, hash_(preimage)):
                yield f"{name} of {form}"
    yield from _addresses(view, value)


def _texts(value: bytes) -> Iterator[tuple[str, bytes]]:
    yield from (("raw", value), ("hex", value.hex().encode()), ("HEX", value.hex().upper().encode()))
    if value.isascii():
        yield from ((form, value.decode().encode(form)) for form in ("utf-16-le", "utf-16-be"))


def _preimages(value: bytes) -> Iterator[tuple[str, bytes]]:
    yield "value", value
    if len(value) <= WORD:
        yield "left-padded word", value.rjust(WORD, b"\0")
        yield "right-padded word", value.ljust(WORD, b"\0")
    if value.isascii():
        if value.lower() != value:
            yield "lower case", value.lower()
    else:
        yield "hex", b"0x" + value.hex().encode()
        if len(value) == KEY:
            yield "checksummed", address_from_bytes(value).encode()
            yield "did", did_of(31337, address_from_bytes(value)).encode()


def _addresses(view: View, value: bytes) -> Iterator[str]:
    """Controllers that could be derived from what is known: brain wallets, and contracts of the account."""
    for name in ("keccak", "sha256"):
        key = coincurve.PrivateKey(HASHES[name](value)).public_key.format(compressed=False)
        if keccak256(key[1:])[12:] in view.keys:
            yield f"address of the key {name} of value"
    if len(value) == KEY and not value.isascii():
        for nonce in range(2):
            if keccak256(rlp.encode([value, nonce]))[12:] in view.keys:
                yield "contract of the account"


def _own_salts(guess: Guess, document: bytes) -> Iterator[tuple[str, bytes]]:
    account = bytes.fromhex(guess.account[2:])
    yield from ((str(number), number.to_bytes(WORD, "big")) for number in range(16))
    yield "account", account.rjust(WORD, b"\0")
    yield "keccak of account", keccak256(account)
    yield "document", document
    yield "keccak of statement", keccak256(guess.statement.encode())
    yield "until", guess.until.to_bytes(WORD, "big")


def _chain_salts(guess: Guess, document: bytes, view: View) -> Iterator[tuple[str, bytes]]:
    registry = bytes.fromhex(view.deployment.registry[2:])
    own = {
        "account": bytes.fromhex(guess.account[2:]),
        "document": document,
        "statement": keccak256(guess.statement.encode()),
        "registry": registry,
    }
    for fact in view.facts:
        kind = "address" if len(fact) == KEY else "time"
        yield kind, fact.rjust(WORD, b"\0")
        yield f"keccak of {kind}", keccak256(fact)
        if len(fact) < WORD:
            yield f"{kind} on the left", fact.ljust(WORD, b"\0")
            yield f"keccak of padded {kind}", keccak256(fact.rjust(WORD, b"\0"))
        for name, value in own.items():
            yield f"keccak of {name} and {kind}", keccak256(value + fact)
            yield f"keccak of {kind} and {name}", keccak256(fact + value)


def _is_there(view: View, digest: bytes) -> bool:
    """Whether a digest stands on chain, whole or cut to an address at either end."""
    return digest[:KEY] in view.keys or digest[-KEY:] in view.keys


def secrets(world: World) -> Iterator[bytes]:
    """Everything true that no chain should tell: of patients, of what they agreed to, of records."""
    for patient in world.patients:
        account, erasure = patient.account.address, patient.identity.erasure.address
        yield from (bytes.fromhex(one[2:]) for one in (account, erasure))
        yield from (one.encode() for one in (account, erasure, patient.did, patient.name))
        for root in patient.records:
            yield root.encode()
            yield digest_of(root)
    yield from carried()
    for given in world.given:
        yield from of_consent(given)
    yield from grantees(world)


def grantees(world: World) -> Iterator[bytes]:
    """Account, did and name of everyone whom consents name; the directory has the accounts on purpose."""
    for clinic in world.clinics:
        account = clinic.did.rpartition(":")[2]
        yield from (bytes.fromhex(account[2:]), account.encode(), clinic.did.encode())
        yield clinic.display.encode()


def of_consent(given: Given) -> Iterator[bytes]:
    """Text, document and binding of a consent; whole, hashed and by line."""
    filing = given.filing
    yield from (filing.statement.encode(), filing.document, hashlib.sha256(filing.document).digest())
    yield from (line.encode() for line in filing.statement.splitlines() if line)
    if filing.binding is not None:
        yield filing.binding
        yield filing.binding[:32]
        yield filing.binding[32:64]


def carried() -> Iterator[bytes]:
    """Every code that a document can carry."""
    names = [*codes.PURPOSES, *codes.SENSITIVITIES, *codes.ACTIONS, *codes.CLASSES]
    systems = (codes.PURPOSE_SYSTEM, codes.SENSITIVITY_SYSTEM, codes.LOINC_SYSTEM, codes.CLASS_SYSTEM)
    yield from (name.encode() for name in names)
    yield from (entry.word.encode() for entry in codes.CLASSES.values())
    yield from (f"{system}|{name}".encode() for system in systems for name in names)


def invented(dice: random.Random, count: int) -> Iterator[bytes]:
    """Values of the same kinds that are nobody's: accounts, names, identifiers, dates, texts."""
    kinds: list[Callable[[], bytes]] = [
        lambda: dice.randbytes(KEY),
        lambda: b"Patient/%d" % dice.randrange(10**9),
        lambda: f"{dice.choice(_SYLLABLES)}{dice.choice(_SYLLABLES)} {dice.choice(_SYLLABLES)}".encode(),
        lambda: b"19%02d-%02d-%02d" % (dice.randrange(100), 1 + dice.randrange(12), 1 + dice.randrange(28)),
        lambda: b"%09d" % dice.randrange(10**9),
        lambda: did_of(31337, address_from_bytes(dice.randbytes(KEY))).encode(),
        lambda: dice.randbytes(WORD),
    ]
    return (dice.choice(kinds)() for _ in range(count))


_SYLLABLES = (
    "Mar",
    "Jo",
    "An",
    "El",
    "Ka",
    "Ro",
    "Li",
    "Sa",
    "Tom",
    "Nor",
    "Ber",
    "Win",
    "Hol",
    "Ster",
    "Gal",
)


def dictionary(world: World, size: int, dice: random.Random) -> Iterator[bytes]:
    """At least `size` candidates: everything true first."""
    true = list(dict.fromkeys(secrets(world)))
    yield from true
    yield from islice(invented(dice, size), max(0, size - len(true)))


def guesses(given: Iterable[Given]) -> Iterator[Guess]:
    """The true texts and documents, as of somebody who has them all and wants to find them on chain."""
    for one in given:
        yield Guess(
            statement=one.filing.statement,
            document=one.filing.document,
            account=one.patient.account.address,
            until=one.filing.until,
        )


def on_the_grid(word: bytes) -> bool:
    """Whether a word is the end of a UTC quarter, or the bound of a consent without end."""
    number = int.from_bytes(word, "big")
    return number == NO_END or (0 < number < NO_END and quarter_end(number * SECOND - 1) == number * SECOND)
