// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

/// @dev A wallet that does whatever its storage says when it is asked: with symbolic storage, any wallet.
contract AnyWallet {
    bytes32 public word;
    uint256 public length;
    bool public isReverting;

    /// @dev Whether its answer means yes.
    function accepts() external view returns (bool) {
        return !isReverting && length >= 32 && word == bytes32(IERC1271.isValidSignature.selector);
    }

    /// @dev Answers with nothing, a byte too little, one word, or more than a word.
    fallback() external {
        (bytes32 first, uint256 size, bool failing) = (word, length, isReverting);
        // Solidity cannot revert with a word alone, which is what a wallet that says yes and fails does.
        assembly {
            mstore(0x00, first)
            if failing { revert(0x00, 0x20) }
            if eq(size, 0) { return(0x00, 0x00) }
            if lt(size, 32) { return(0x00, 0x1f) }
            if eq(size, 32) { return(0x00, 0x20) }
            return(0x00, 0x40)
        }
    }
}
