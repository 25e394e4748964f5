// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {IConsentRegistry} from "../src/IConsentRegistry.sol";

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

/// @dev Where an `OwnedWallet` comes to be, and whoever calls brings it about.
contract WalletFactory {
    function deploy(address owner, uint256 salt) external returns (address) {
        return address(new OwnedWallet{salt: bytes32(salt)}(owner, 0));
    }

    function walletOf(address owner, uint256 salt) external view returns (address) {
        bytes memory code = abi.encodePacked(type(OwnedWallet).creationCode, abi.encode(owner, 0));
        bytes32 hash = keccak256(abi.encodePacked(hex"ff", this, salt, keccak256(code)));
        return address(uint160(uint256(hash)));
    }
}

/// @dev A wallet that takes its owner's signature in every spelling: also 64 bytes, and also a high s.
contract LenientWallet is IERC1271 {
    address private immutable OWNER;

    constructor(address owner) {
        OWNER = owner;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        (uint256 r, uint256 s) = abi.decode(signature, (uint256, uint256));
        uint8 v = signature.length > 64 ? uint8(signature[64]) : uint8(27 + (s >> 255));
        if (signature.length == 64) s = s << 1 >> 1;
        address signer = ecrecover(digest, v, bytes32(r), bytes32(s));
        return signer == OWNER ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}

/// @dev A wallet that takes its owner's signature as it was sent before the wallet was deployed (ERC-6492).
contract UnwrappingWallet is IERC1271 {
    address private immutable OWNER;

    constructor(address owner) {
        OWNER = owner;
    }

    function isValidSignature(bytes32 digest, bytes calldata wrapped) external view returns (bytes4) {
        (,, bytes memory signature) = abi.decode(wrapped[:wrapped.length - 32], (address, bytes, bytes));
        return ECDSA.recover(digest, signature) == OWNER ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}

/// @dev A wallet whose owner can be replaced, by anyone; an account delegated to it has an owner of its own.
contract HandedOnWallet is IERC1271 {
    address public owner;

    function handOn(address next) external {
        owner = next;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        return ECDSA.recover(digest, signature) == owner ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}

/// @dev A wallet that has its answers from elsewhere.
contract ProxyWallet {
    address private immutable IMPLEMENTATION;

    constructor(address implementation) {
        IMPLEMENTATION = implementation;
    }

    fallback(bytes calldata question) external returns (bytes memory) {
        (bool success, bytes memory answer) = IMPLEMENTATION.delegatecall(question);
        require(success);
        return answer;
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

/// @dev A wallet that takes certain bytes for a signature of anything, and no others.
contract PasswordWallet {
    bytes32 private immutable HASH;

    constructor(bytes memory password) {
        HASH = keccak256(password);
    }

    function isValidSignature(bytes32, bytes calldata signature) external view returns (bytes4) {
        return keccak256(signature) == HASH ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}

/// @dev A wallet that agrees the first time in a transaction and never again in it: it sees by the price of a
///      look elsewhere whether it has looked before.
contract FickleWallet {
    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        address elsewhere = address(~uint160(address(this)));
        uint256 start = gasleft();
        uint256 balance = elsewhere.balance;
        bool isFirst = start - gasleft() > 2_000;
        return isFirst && balance == 0 ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}

/// @dev Bytes kept as code, where a wallet finds them also in the name of an account that delegates to it.
contract Shelf {
    constructor(bytes memory content) {
        assembly {
            return(add(content, 0x20), mload(content))
        }
    }
}

/// @dev A wallet that answers every question with the same bytes.
contract ParrotWallet {
    address private immutable ANSWER;

    constructor(bytes memory answer) {
        ANSWER = address(new Shelf(answer));
    }

    fallback(bytes calldata) external returns (bytes memory) {
        return ANSWER.code;
    }
}

/// @dev A wallet that answers, or reverts with, yes and zero bytes after it, `SIZE` bytes in all.
contract FloodingWallet {
    uint256 private immutable SIZE;
    bool private immutable REVERTS;

    constructor(uint256 size, bool reverts) {
        SIZE = size;
        REVERTS = reverts;
    }

    fallback() external {
        bytes32 yes = IERC1271.isValidSignature.selector;
        (uint256 size, bool reverts) = (SIZE, REVERTS);
        assembly {
            mstore(0, yes)
            if reverts { revert(0, size) }
            return(0, size)
        }
    }
}

contract RevertingWallet {
    error No();

    fallback() external {
        revert No();
    }
}

/// @dev A wallet that spends all gas it is given in a loop.
contract BurningWallet {
    fallback() external {
        while (true) {}
    }
}

/// @dev A wallet that loses all gas it is given at once.
contract InvalidWallet {
    fallback() external {
        assembly {
            invalid()
        }
    }
}

/// @dev An account that can be paid, and knows nothing of signatures.
contract BareAccount {
    receive() external payable {}
}

/// @dev An account that does nothing about any call.
contract SilentAccount {
    fallback() external {}
}

/// @dev A wallet that tries to write before it agrees; a static call does not let it.
contract WritingWallet {
    uint256 private _asked;

    function isValidSignature(bytes32, bytes calldata) external returns (bytes4) {
        ++_asked;
        return IERC1271.isValidSignature.selector;
    }
}

/// @dev A wallet that asks the registry about itself before it agrees.
contract CuriousWallet {
    IConsentRegistry private immutable REGISTRY;

    constructor(IConsentRegistry registry) {
        REGISTRY = registry;
    }

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        return REGISTRY.epochOf(address(this)) == 0 ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}

/// @dev A wallet that does something at the registry while it is asked, and then agrees: always, or if that
///      succeeded.
contract MeddlingWallet {
    IConsentRegistry private immutable REGISTRY;
    bool private immutable AGREES_ANYWAY;
    address private immutable DEED;

    constructor(IConsentRegistry registry, bytes memory deed, bool agreesAnyway) {
        REGISTRY = registry;
        AGREES_ANYWAY = agreesAnyway;
        DEED = address(new Shelf(deed));
    }

    function isValidSignature(bytes32, bytes calldata) external returns (bytes4) {
        (bool success,) = address(REGISTRY).call{gas: 150_000}(DEED.code);
        return success || AGREES_ANYWAY ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}
