// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentId} from "../src/IConsentRegistry.sol";
import {vm} from "./Vm.sol";

/// @dev What a client signs, written a second time from the specification: the contracts are not asked.
abstract contract Typed {
    /// @dev How a signature for a wallet that is not deployed yet ends (ERC-6492).
    bytes32 internal constant COUNTERFACTUAL =
        0x6492649264926492649264926492649264926492649264926492649264926492;

    function domainOf(string memory name, address verifyingContract) internal view returns (bytes32) {
        return domainOf(name, "1", block.chainid, verifyingContract);
    }

    function domainOf(string memory name, string memory version, uint256 chainId, address verifyingContract)
        internal
        pure
        returns (bytes32)
    {
        bytes32 typehash =
            keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        return keccak256(
            abi.encode(
                typehash, keccak256(bytes(name)), keccak256(bytes(version)), chainId, verifyingContract
            )
        );
    }

    function consentOf(bytes32 domain, address controller, uint16 epoch, bytes32 termsHash, uint40 until)
        internal
        pure
        returns (ConsentId)
    {
        bytes32 typehash = keccak256(
            "Consent(address controller,uint16 epoch,Terms terms,uint40 until)"
            "Terms(string statement,bytes32 document,bytes32 salt)"
        );
        bytes32 structHash = keccak256(abi.encode(typehash, controller, epoch, termsHash, until));
        return ConsentId.wrap(digestOf(domain, structHash));
    }

    function termsHashOf(string memory statement, bytes32 document, bytes32 salt)
        internal
        pure
        returns (bytes32)
    {
        bytes32 typehash = keccak256("Terms(string statement,bytes32 document,bytes32 salt)");
        return keccak256(abi.encode(typehash, keccak256(bytes(statement)), document, salt));
    }

    function revocationOf(bytes32 domain, ConsentId id) internal pure returns (bytes32) {
        return digestOf(domain, keccak256(abi.encode(keccak256("Revocation(bytes32 consent)"), id)));
    }

    function revokeAllOf(bytes32 domain, address controller, uint16 epoch) internal pure returns (bytes32) {
        bytes32 typehash = keccak256("RevokeAll(address controller,uint16 epoch)");
        return digestOf(domain, keccak256(abi.encode(typehash, controller, epoch)));
    }

    function encryptionKeyOf(bytes32 domain, address participant, bytes32 key, uint32 version)
        internal
        pure
        returns (bytes32)
    {
        bytes32 typehash = keccak256("EncryptionKey(address participant,bytes32 key,uint32 version)");
        return digestOf(domain, keccak256(abi.encode(typehash, participant, key, version)));
    }

    function digestOf(bytes32 domain, bytes32 structHash) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }

    /// @dev r ‖ s ‖ v, 65 bytes.
    function signed(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// @dev What a wallet that is not deployed yet sends (ERC-6492): who would deploy it, how, and its signature.
    function counterfactual(address factory, bytes memory factoryCall, bytes memory signature)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodePacked(abi.encode(factory, factoryCall, signature), COUNTERFACTUAL);
    }
}
