// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @dev A wallet that takes its owner's signature, after spending `work` gas on the question.
contract OwnedWallet is IERC1271 {
    address private immutable OWNER;
    uint256 private immutable WORK;

    constructor(address owner, uint256 work) {
        OWNER = owner;
        WORK = work;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        uint256 start = gasleft();
        while (start - gasleft() < WORK) {}
        return ECDSA.recover(digest, signature) == OWNER ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}

/// @dev A wallet that agrees to anything, if only it is given enough gas.
contract PickyWallet {
    uint256 private immutable ENOUGH;

    constructor(uint256 enough) {
        ENOUGH = enough;
    }

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        return gasleft() >= ENOUGH ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}

/// @dev A wallet that answers every question with the same bytes.
contract ParrotWallet {
    bytes private _answer;

    constructor(bytes memory answer) {
        _answer = answer;
    }

    fallback(bytes calldata) external returns (bytes memory) {
        return _answer;
    }
}

/// @dev A wallet that answers yes, and as many zero bytes after it as its gas can pay for.
contract FloodingWallet {
    fallback() external {
        bytes32 yes = IERC1271.isValidSignature.selector;
        assembly {
            mstore(0, yes)
            return(0, 300000)
        }
    }
}

contract RevertingWallet {
    error No();

    fallback() external {
        revert No();
    }
}

/// @dev A wallet that reverts with the answer that means yes.
contract YesRevertingWallet {
    fallback() external {
        bytes32 yes = IERC1271.isValidSignature.selector;
        assembly {
            mstore(0, yes)
            revert(0, 32)
        }
    }
}

contract BurningWallet {
    fallback() external {
        while (true) {}
    }
}

/// @dev A wallet that tries to write before it agrees; a static call does not let it.
contract WritingWallet {
    uint256 private _asked;

    function isValidSignature(bytes32, bytes calldata) external returns (bytes4) {
        ++_asked;
        return IERC1271.isValidSignature.selector;
    }
}
