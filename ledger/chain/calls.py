"""Calldata of the contracts' functions, encoded by their ABI.

Arguments are named as in the interface, in snake case. ``bytes32`` are 32 bytes, addresses `Address`, consent
ids `ConsentId`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, islice
from typing import Any

from contracts import artifact
from ledger.errors import InvalidInput
from ledger.ids import Address, ConsentId, parse_word
from ledger.keccak import keccak256

REGISTRY, DIRECTORY, ANCHOR = "ConsentRegistry", "ParticipantDirectory", "CheckpointAnchor"
ACCREDITOR_ROLE = keccak256(b"ACCREDITOR_ROLE")
ADMIN_ROLE = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedConsent:
    """A consent as the registry takes it: the terms by their hash, and the controller's signature."""

    controller: Address
    epoch: int
    terms_hash: bytes
    until: int
    signature: bytes

    def words(self) -> tuple[Any, ...]:
        """The members in the order of the struct."""
        return self.controller, self.epoch, self.terms_hash, self.until, self.signature


def record(*, epoch: int, terms_hash: bytes, until: int) -> bytes:
    """Record a consent of the controller's current epoch; sent by the controller."""
    return encode(REGISTRY, "record", epoch, terms_hash, until)


def record_signed(
    *, controller: Address, epoch: int, terms_hash: bytes, until: int, signature: bytes
) -> bytes:
    """Record a signed consent; sent by anyone."""
    consent = SignedConsent(
        controller=controller, epoch=epoch, terms_hash=terms_hash, until=until, signature=signature
    )
    return encode(REGISTRY, "recordSigned", consent.words())


def record_batch(consents: Sequence[SignedConsent]) -> bytes:
    """Record several signed consents; those that cannot be are skipped."""
    return encode(REGISTRY, "recordBatch", [consent.words() for consent in consents])


def is_recording(data: bytes) -> bool:
    """Whether this is calldata of `record_signed`."""
    return data[:4] == _function(REGISTRY, "recordSigned")[0]


def is_stop(data: bytes) -> bool:
    """Whether this is calldata of a signed revocation, in whatever form."""
    stops = ("revokeSigned", "revokeWithPreimage", "revokeAllSigned")
    return data[:4] in {_function(REGISTRY, name)[0] for name in stops}


def recorded_together(recordings: Sequence[bytes]) -> bytes:
    """Calldata of a batch that records what several calls by `record_signed` would, in their order.

    The struct is encoded alike in both, so its bytes are taken over: behind the selector and one offset in
    the single call; behind the selector, an offset, the count and an offset for each in the batch.
    """
    structs = [data[4 + 32 :] for data in recordings]
    starts = accumulate((len(struct) for struct in structs), initial=32 * len(structs))
    head = [32, len(structs), *islice(starts, len(structs))]
    selector = _function(REGISTRY, "recordBatch")[0]
    return selector + b"".join(word.to_bytes(32, "big") for word in head) + b"".join(structs)


def revoke(consent: ConsentId) -> bytes:
    """End a recorded consent; sent by the controller."""
    return encode(REGISTRY, "revoke", parse_word(consent))


def revoke_signed(*, consent: ConsentId, signature: bytes) -> bytes:
    """End a recorded consent by its id; sent by anyone."""
    return encode(REGISTRY, "revokeSigned", parse_word(consent), signature)


def revoke_with_preimage(
    *, controller: Address, epoch: int, terms_hash: bytes, until: int, signature: bytes
) -> bytes:
    """End a consent, recorded or not, so that it can never be recorded again; sent by anyone."""
    return encode(REGISTRY, "revokeWithPreimage", controller, epoch, terms_hash, until, signature)


def revoke_all() -> bytes:
    """End every consent of the sender."""
    return encode(REGISTRY, "revokeAll")


def revoke_all_signed(*, controller: Address, epoch: int, signature: bytes) -> bytes:
    """End every consent of a controller's epoch; sent by anyone."""
    return encode(REGISTRY, "revokeAllSigned", controller, epoch, signature)


def admit(*, participant: Address, roles: int, profile: bytes) -> bytes:
    """Admit a participant, or change its roles and profile; sent by an accreditor."""
    return encode(DIRECTORY, "admit", participant, roles, profile)


def suspend(participant: Address) -> bytes:
    """Suspend a participant; sent by an accreditor."""
    return encode(DIRECTORY, "suspend", participant)


def reinstate(participant: Address) -> bytes:
    """End a suspension; sent by an accreditor."""
    return encode(DIRECTORY, "reinstate", participant)


def set_key(*, key: bytes, version: int) -> bytes:
    """Publish the sender's encryption key hash."""
    return encode(DIRECTORY, "setKey", key, version)


def set_key_signed(*, participant: Address, key: bytes, version: int, signature: bytes) -> bytes:
    """Publish a participant's encryption key hash; sent by anyone."""
    return encode(DIRECTORY, "setKeySigned", participant, key, version, signature)


def grant_role(*, role: bytes, account: Address) -> bytes:
    """Give `ACCREDITOR_ROLE` (or `ADMIN_ROLE`) to an account; sent by the directory's owner."""
    return encode(DIRECTORY, "grantRole", role, account)


def revoke_role(*, role: bytes, account: Address) -> bytes:
    """Take a role from an account; sent by the directory's owner."""
    return encode(DIRECTORY, "revokeRole", role, account)


def anchor(*, old_size: int, new_size: int, root: bytes) -> bytes:
    """Anchor a checkpoint of the sender's log; `old_size` is that of its last anchor."""
    return encode(ANCHOR, "anchor", old_size, new_size, root)


def encode(contract: str, function: str, *arguments: Any) -> bytes:  # noqa: ANN401
    """Calldata of any function of a contract.

    Raises:
        InvalidInput: arguments that are not of the function's types.
    """
    from eth_abi.abi import encode as encode_abi
    from eth_abi.exceptions import EncodingError

    selector, types = _function(contract, function)
    try:
        return selector + encode_abi(types, arguments)
    except (EncodingError, TypeError, ValueError) as exc:
        raise InvalidInput(
            f"{function} of {contract} does not take such arguments", reason="bad_call"
        ) from exc


@cache
def _function(contract: str, function: str) -> tuple[bytes, tuple[str, ...]]:
    """Selector and argument types; no function that is called here is overloaded."""
    from eth_utils.abi import collapse_if_tuple

    entry = next(
        item for item in artifact(contract).abi if (item["type"], item.get("name")) == ("function", function)
    )
    types = tuple(collapse_if_tuple(parameter) for parameter in entry["inputs"])
    return keccak256(f"{function}({','.join(types)})".encode())[:4], types
