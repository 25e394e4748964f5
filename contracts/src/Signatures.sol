// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title The refusals of every function that takes a signature.
interface ISigned {
    /// @notice Neither the key of `signer` nor, where it is a deployed wallet, the wallet itself signed `digest`.
    /// @dev An account that is not deployed yet has only its key: a counterfactual wallet signature is refused.
    error BadSignature(address signer, bytes32 digest);

    /// @notice The signer is a wallet, and the gas `left` cannot grant it what every wallet is granted.
    /// @dev Thrown instead of calling the wallet short of gas, so that whoever relays cannot make a good
    ///      signature look bad. It ends the whole call, a batch included; send it again with more gas.
    error NotEnoughGas(uint256 left, uint256 needed);
}

/// @title Who signed a digest: a key, or else a deployed ERC-1271 wallet.
/// @notice The key comes first, so that an account delegated under EIP-7702 keeps what its key can do, whatever
///         code it points to today.
/// @dev A signature may also be valid in other spellings to a wallet; nothing here is keyed by a signature.
library Signatures {
    /// @dev What a wallet may spend on its answer. Ample for a Safe with many owners or a passkey wallet.
    uint256 internal constant WALLET_GAS = 300_000;

    /// @dev The gas left that guarantees `WALLET_GAS` to the wallet: a call keeps back 1/64 of it (EIP-150),
    ///      after the price of reaching an account and the one it delegates to (EIP-2929, EIP-7702).
    uint256 internal constant WALLET_GAS_NEEDED = WALLET_GAS + WALLET_GAS / 63 + 6_000;

    /// @notice Whether `signer` signed `digest`.
    /// @param signature 65 bytes r ‖ s ‖ v with s in the lower half order and v 27 or 28; or what the wallet takes.
    function isSignedBy(bytes32 digest, address signer, bytes calldata signature)
        internal
        view
        returns (bool)
    {
        (address recovered, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (failure == ECDSA.RecoverError.NoError && recovered == signer) return true;
        return signer.code.length > 0 && _isAcceptedBy(signer, digest, signature);
    }

    /// @notice Goes on only if `signer` signed `digest`.
    function requireSignedBy(bytes32 digest, address signer, bytes calldata signature) internal view {
        if (!isSignedBy(digest, signer, signature)) revert ISigned.BadSignature(signer, digest);
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
