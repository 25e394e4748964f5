"""Who signed a digest, as `ISigned` and contracts/README.md say it."""

from collections.abc import Mapping
from dataclasses import dataclass

from ledger.crypto.signatures import verify
from ledger.errors import SignatureInvalid
from ledger.ids import Address
from tests.contracts.reference.abi import Refusal
from tests.contracts.reference.call import Call, Refused

NOT_ENOUGH_GAS = Refusal("NotEnoughGas(uint256,uint256)", None)


@dataclass(frozen=True, slots=True)
class Signers:
    """The accounts with code: whose signature the code takes (ERC-1271), or None if it takes nobody's."""

    owners: Mapping[Address, Address | None]

    def accept(self, call: Call, signer: Address, digest: bytes, signature: bytes) -> bool:
        """Whether `signature` is by the key of `signer`, or else by its wallet.

        Raises:
            Refused: a wallet would have to be asked, and the call's gas is not ample.
        """
        if _is_by(signer, digest, signature):
            return True
        if signer not in self.owners:
            return False
        if not call.ample:
            raise Refused(NOT_ENOUGH_GAS)
        owner = self.owners[signer]
        return owner is not None and _is_by(owner, digest, signature)

    def require(self, call: Call, signer: Address, digest: bytes, signature: bytes) -> None:
        """Goes on only if `signer` signed.

        Raises:
            Refused: it did not, or that cannot be found out.
        """
        if not self.accept(call, signer, digest, signature):
            raise Refused(bad_signature(signer, digest))


def bad_signature(signer: Address, digest: bytes) -> Refusal:
    return Refusal("BadSignature(address,bytes32)", (signer, digest))


def _is_by(account: Address, digest: bytes, signature: bytes) -> bool:
    try:
        verify(digest, signature, account)
    except SignatureInvalid:
        return False
    return True
