"""A public key with the signature of the account that it belongs to; without one, no key is believed."""

from dataclasses import dataclass
from typing import Any, Self

from ledger.canonical import b64, hexed, unb64, unhex
from ledger.crypto.identity import Account
from ledger.crypto.sealing import PUBLIC_SIZE, key_digest
from ledger.crypto.signatures import verify
from ledger.crypto.typed import EncryptionKey, InboxKey, directory_domain, records_domain
from ledger.errors import InvalidInput
from ledger.ids import Address, Did, parse_did
from ledger.parties.text import text


@dataclass(frozen=True, slots=True, kw_only=True)
class VouchedKey:
    """A hybrid public key (1216 bytes) and the owner's signature over its digest.

    ``number`` is the version of a participant's encryption key, or the epoch of a patient's inbox key.
    """

    key: bytes
    number: int
    signature: bytes

    @classmethod
    def encryption(
        cls, account: Account, key: bytes, *, version: int, chain_id: int, directory: Address
    ) -> Self:
        """A participant's encryption key, signed for one directory."""
        claim = EncryptionKey(participant=account.address, key=key_digest(key), version=version)
        return cls(
            key=key,
            number=version,
            signature=account.sign(claim.digest(directory_domain(chain_id, directory))),
        )

    @classmethod
    def inbox(cls, account: Account, key: bytes, *, epoch: int, chain_id: int, registry: Address) -> Self:
        """A patient's inbox key, signed for one registry."""
        claim = InboxKey(patient=account.address, epoch=epoch, key=key_digest(key))
        return cls(
            key=key, number=epoch, signature=account.sign(claim.digest(records_domain(chain_id, registry)))
        )

    def verify_encryption(self, participant: Did, directory: Address) -> None:
        """SignatureInvalid unless `participant` vouches for this encryption key at that directory."""
        chain_id, address = parse_did(participant)
        claim = EncryptionKey(participant=address, key=key_digest(self.key), version=self.number)
        verify(claim.digest(directory_domain(chain_id, directory)), self.signature, address)

    def verify_inbox(self, patient: Did, registry: Address) -> None:
        """SignatureInvalid unless `patient` vouches for this inbox key."""
        chain_id, address = parse_did(patient)
        claim = InboxKey(patient=address, epoch=self.number, key=key_digest(self.key))
        verify(claim.digest(records_domain(chain_id, registry)), self.signature, address)

    def to_json(self, number: str) -> dict[str, Any]:
        """The wire form; `number` is what the number is called there: ``version`` or ``epoch``."""
        return {"key": b64(self.key), number: self.number, "signature": hexed(self.signature)}

    @classmethod
    def from_json(cls, value: object, number: str) -> Self:
        """The inverse of `to_json`, not verified yet; InvalidInput for anything else."""
        if not isinstance(value, dict) or value.keys() != {"key", number, "signature"}:
            raise InvalidInput(f"a key has key, {number} and signature", reason="bad_members")
        key, count = unb64(text(value["key"])), value[number]
        if len(key) != PUBLIC_SIZE:
            raise InvalidInput(f"a public key has {PUBLIC_SIZE} bytes", reason="bad_public_key")
        if type(count) is not int or not 0 <= count < 1 << 32:
            raise InvalidInput(f"the {number} is from 0 to 2^32 - 1", reason="bad_epoch")
        return cls(key=key, number=count, signature=unhex(text(value["signature"])))
