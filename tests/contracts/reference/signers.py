"""Who signed a digest, as `ISigned` and contracts/README.md say it."""

from collections.abc import Mapping
from dataclasses import dataclass

from ledger.crypto.signatures import verify
from ledger.errors import SignatureInvalid
from ledger.ids import Address
from tests.contracts.reference.abi import Refusal
from tests.contracts.reference.call import Call, Refused

COUNTERFACTUAL = bytes.fromhex("6492") * 16
"""What the signature for a wallet that is not deployed yet ends with (ERC-6492)."""

NOT_ENOUGH_GAS = Refusal("NotEnoughGas(uint256,uint256)", None)


@dataclass(frozen=True, slots=True)
class Signers:
    """The accounts with code: whose signature the code takes (ERC-1271), or None if it takes nobody's."""

    owners: Mapping[Address, Address | None]

    def objection(self, call: Call, signer: Address, digest: bytes, signature: bytes) -> Refusal | None:
        """Why `signature` is neither by the key of `signer` nor one that its wallet takes; None if it is.

        Raises:
            Refused: a wallet would have to be asked, and the call's gas is not ample.
        """
        if _is_by(signer, digest, signature):
            return None
        if signer not in self.owners:
            error = "NotDeployed" if signature.endswith(COUNTERFACTUAL) else "BadSignature"
            return Refusal(f"{error}(address,bytes32)", (signer, digest))
        if not call.ample:
            raise Refused(NOT_ENOUGH_GAS)
        owner = self.owners[signer]
        if owner is not None and _is_by(owner, digest, signature):
            return None
        return Refusal("BadSignature(address,bytes32)", (signer, digest))

    def require(self, call: Call, signer: Address, digest: bytes, signature: bytes) -> None:
        """Goes on only if `signer` signed.

        Raises:
            Refused: it did not, or that cannot be found out.
        """
        objection = self.objection(call, signer, digest, signature)
        if objection is not None:
            raise Refused(objection)


def _is_by(account: Address, digest: bytes, signature: bytes) -> bool:
    try:
        verify(digest, signature, account)
    except SignatureInvalid:
        return False
    return True
