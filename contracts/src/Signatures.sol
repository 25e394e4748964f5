// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {ISigned} from "./ISigned.sol";

/// @title Who signed a digest: a key, or else a deployed ERC-1271 wallet.
/// @notice The key comes first, so that an account delegated under EIP-7702 keeps what its key can do, whatever
///         code it points to today.
/// @dev A signature may also be valid in other spellings to a wallet; nothing here is keyed by a signature.
library Signatures {
    /// @dev What a wallet may spend on its answer. Ample for a Safe with many owners or a passkey wallet.
    uint256 internal constant WALLET_GAS = 300_000;

    /// @dev What a signature for a wallet that is not deployed yet ends with (ERC-6492).
    bytes32 internal constant COUNTERFACTUAL =
        0x6492649264926492649264926492649264926492649264926492649264926492;

    /// @dev The gas left that guarantees `WALLET_GAS` to the wallet: a call keeps back 1/64 of it (EIP-150),
    ///      after the price of reaching an account and the one it delegates to (EIP-2929, EIP-7702).
    uint256 internal constant WALLET_GAS_NEEDED = WALLET_GAS + WALLET_GAS / 63 + 6_000;

    /// @notice Goes on only if `signer` signed `digest`.
    /// @param signature 65 bytes r ‖ s ‖ v with s in the lower half order and v 27 or 28; or what the wallet takes.
    function requireSignedBy(bytes32 digest, address signer, bytes calldata signature) internal view {
        bytes4 objection = objectionTo(digest, signer, signature);
        if (objection == ISigned.NotDeployed.selector) revert ISigned.NotDeployed(signer, digest);
        if (objection != 0) revert ISigned.BadSignature(signer, digest);
    }

    /// @notice Why `signature` does not count as one of `signer` under `digest`: an error's selector; zero if it does.
    function objectionTo(bytes32 digest, address signer, bytes calldata signature)
        internal
        view
        returns (bytes4)
    {
        (address recovered, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (failure == ECDSA.RecoverError.NoError && recovered == signer) return 0;
        if (signer.code.length > 0) {
            return _isAcceptedBy(signer, digest, signature) ? bytes4(0) : ISigned.BadSignature.selector;
        }
        return _isCounterfactual(signature) ? ISigned.NotDeployed.selector : ISigned.BadSignature.selector;
    }

    function _isCounterfactual(bytes calldata signature) private pure returns (bool) {
        return signature.length >= 32 && bytes32(signature[signature.length - 32:]) == COUNTERFACTUAL;
    }

    function _isAcceptedBy(address wallet, bytes32 digest, bytes calldata signature)
        private
        view
        returns (bool accepted)
    {
        bytes memory question = abi.encodeCall(IERC1271.isValidSignature, (digest, signature));
        bytes32 yes = IERC1271.isValidSignature.selector;
        if (gasleft() < WALLET_GAS_NEEDED) revert ISigned.NotEnoughGas(gasleft(), WALLET_GAS_NEEDED);

        // (bool success, bytes memory answer) = wallet.staticcall{gas: WALLET_GAS}(question);
        // accepted = success && answer.length >= 32 && bytes32(answer) == yes;
        //
        // The same, but of an answer of any length only the first word is copied: the caller would pay for
        // the rest out of gas that no cap protects.
        assembly ("memory-safe") {
            let success := staticcall(WALLET_GAS, wallet, add(question, 0x20), mload(question), 0x00, 0x20)
            accepted := and(and(success, gt(returndatasize(), 0x1f)), eq(mload(0x00), yes))
        }
    }
}
