// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Typed} from "../test/Typed.sol";
import {AnyWallet} from "./AnyWallet.sol";
import {svm} from "./Svm.sol";

/// @dev Who signed what, written from the specification. `ecrecover` is some function of its arguments here: what is
///      proven holds whatever keys there are.
abstract contract Signing is Typed {
    uint256 internal constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    AnyWallet internal wallet;

    function deployWallet() internal {
        wallet = new AnyWallet();
        svm.enableSymbolicStorage(address(wallet));
    }

    /// @dev Whether this account or, where it is the wallet, the wallet signed.
    function isSigned(bytes32 digest, address signer, bytes memory signature) internal view returns (bool) {
        return isSignedByKey(digest, signer, signature) || (signer == address(wallet) && wallet.accepts());
    }

    function isSignedByKey(bytes32 digest, address signer, bytes memory signature)
        internal
        pure
        returns (bool)
    {
        if (signature.length != 65 || signer == address(0)) return false;
        (bytes32 r, bytes32 s, uint8 v) = parts(signature);
        return uint256(s) <= HALF_ORDER && ecrecover(digest, v, r, s) == signer;
    }

    function parts(bytes memory signature) internal pure returns (bytes32 r, bytes32 s, uint8 v) {
        // (r, s, v) = (bytes32(signature[:32]), bytes32(signature[32:64]), uint8(signature[64]));
        //
        // The same, but Solidity slices no memory.
        assembly {
            r := mload(add(signature, 0x20))
            s := mload(add(signature, 0x40))
            v := byte(0, mload(add(signature, 0x60)))
        }
    }
}
