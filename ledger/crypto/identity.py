"""An identity: 24 words, and every key that is derived from them.

======================== ===========================================================
account                  BIP-32 ``m/44'/60'/2'/0'/0'`` of the BIP-39 seed
controller i             ``m/44'/60'/1'/0'/i'``
erasure key              ``m/44'/60'/3'/0'/0'``
encryption secret        HKDF-SHA256(seed, ``consent-ledger/1/encryption/<version>``)
inbox secret             HKDF-SHA256(seed, ``consent-ledger/1/inbox/<epoch>``)
compartment secret       HKDF-SHA256(seed, ``consent-ledger/1/compartment/<64 hex>/<epoch>``)
======================== ===========================================================

Everything on the path is hardened, so no public key of one account leads to another. The HKDF secrets are
32 bytes that `ledger.crypto.sealing` turns into key pairs.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ledger.crypto.signatures import address_of, sign
from ledger.errors import InvalidInput
from ledger.ids import Address
from ledger.imports import recursion_limit_kept

if TYPE_CHECKING:
    from eth_account.hdaccount.mnemonic import Mnemonic

WORD_COUNT = 24
_ENTROPY = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One secp256k1 key and its address. Two accounts are equal if their addresses are."""

    address: Address
    _key: bytes = field(repr=False, compare=False)

    @classmethod
    def from_key(cls, key: bytes) -> Self:
        """The account of a 32-byte private key; InvalidInput if it is none."""
        return cls(address=address_of(key), _key=key)

    def sign(self, digest: bytes) -> bytes:
        """The 65-byte signature over a 32-byte digest (low s, v 27 or 28, deterministic)."""
        return sign(digest, self._key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Every key of one person or organisation, derived from the 64-byte BIP-39 seed."""

    _seed: bytes = field(repr=False)

    @classmethod
    def from_words(cls, words: str) -> Self:
        """The identity of 24 English BIP-39 words without a passphrase; any white space separates them.

        Raises:
            InvalidInput: not 24 words, a word that is not in the list, or a wrong checksum.
        """
        return cls(_seed=_bip39().to_seed(parse_words(words)))

    @property
    def account(self) -> Account:
        """The account by which gateways and other people know this identity."""
        return self._derive("2'/0'/0'")

    @property
    def erasure(self) -> Account:
        """The key that tags this patient's log entries and can order their erasure."""
        return self._derive("3'/0'/0'")

    def controller(self, index: int) -> Account:
        """The key that records and revokes one consent on chain; `index` from 0 to 2^31 - 1."""
        if not 0 <= index < 1 << 31:
            raise InvalidInput("a controller's index is from 0 to 2^31 - 1", reason="bad_index")
        return self._derive(f"1'/0'/{index}'")

    def encryption_secret(self, version: int) -> bytes:
        """The secret of a participant's encryption key pair, 32 bytes."""
        return self._secret(f"encryption/{_counter(version)}")

    def inbox_secret(self, epoch: int) -> bytes:
        """The secret of the key pair to which writers without a compartment key seal, 32 bytes."""
        return self._secret(f"inbox/{_counter(epoch)}")

    def compartment_secret(self, compartment: bytes, epoch: int) -> bytes:
        """The secret of a compartment's key pair in one epoch, 32 bytes."""
        if len(compartment) != 32:
            raise InvalidInput("a compartment is named by 32 bytes", reason="bad_compartment")
        return self._secret(f"compartment/{compartment.hex()}/{_counter(epoch)}")

    def _derive(self, path: str) -> Account:
        with recursion_limit_kept():
            from eth_account.hdaccount import (
                key_from_seed,  # here, because it takes most of a second to import
            )

        return Account.from_key(key_from_seed(self._seed, f"m/44'/60'/{path}"))

    def _secret(self, purpose: str) -> bytes:
        info = f"consent-ledger/1/{purpose}".encode("ascii")
        return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(self._seed)


def new_words(randomness: Callable[[int], bytes]) -> str:
    """24 fresh English BIP-39 words from 32 random bytes, separated by single spaces."""
    entropy = randomness(_ENTROPY)
    if len(entropy) != _ENTROPY:
        raise InvalidInput("the source of randomness gave too little", reason="bad_randomness")
    return _bip39().to_mnemonic(entropy)


def parse_words(text: str) -> str:
    """24 English BIP-39 words, separated by single spaces.

    The error never repeats a word: what was mistyped is still most of a secret.

    Raises:
        InvalidInput: not 24 words, a word that is not in the list, or a wrong checksum.
    """
    words = text.split()
    if len(words) != WORD_COUNT:
        raise InvalidInput(f"{len(words)} words; an identity has {WORD_COUNT}", reason="bad_words")
    known = _bip39()
    strange = [str(place) for place, word in enumerate(words, 1) if word not in known.wordlist]
    if strange:
        raise InvalidInput(f"not in the word list: number {', '.join(strange)}", reason="bad_words")
    joined = " ".join(words)
    if not known.is_mnemonic_valid(joined):
        raise InvalidInput("a word is wrong or out of place (the checksum fails)", reason="bad_words")
    return joined


def _bip39() -> "Mnemonic":
    with recursion_limit_kept():
        from eth_account.hdaccount.mnemonic import (
            Mnemonic,  # here, because it takes most of a second to import
        )

    return Mnemonic()


def _counter(value: int) -> int:
    if not 0 <= value < 1 << 32:
        raise InvalidInput("a key version or epoch is from 0 to 2^32 - 1", reason="bad_epoch")
    return value
