// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SignaturesFixture} from "./SignaturesFixture.sol";
import {vm} from "./Vm.sol";

/// @dev What can be wrong with a signature: its bytes are not those of the good one, or it is another's, or
///      of something else, or what it signs was changed afterwards.
abstract contract SignaturesAbuses is SignaturesFixture {
    uint256 internal constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
    uint256 internal constant LOWEST_HIGH_S = ORDER / 2 + 1;

    uint256 internal constant OTHER_KEY = uint256(keccak256("other"));
    uint256 internal constant STRANGERS_KEY = uint256(keccak256("stranger"));

    /// @dev Whose acts are signed, with `KEY`.
    address internal account;

    /// @dev Somebody else of the same kind, for whom `KEY` signs as well where that is possible, or else
    ///      `OTHER_KEY`.
    address internal other;

    function listOf(bytes memory one) internal pure returns (bytes[] memory list) {
        list = new bytes[](1);
        list[0] = one;
    }

    function split(bytes memory signature) internal pure returns (uint256 r, uint256 s, uint8 v) {
        (r, s) = abi.decode(signature, (uint256, uint256));
        v = uint8(signature[64]);
    }

    function none(Act, Message memory) internal pure returns (bytes[] memory) {
        return new bytes[](0);
    }

    function short(bytes memory signature) internal pure returns (bytes[] memory bad) {
        uint8[8] memory lengths = [0, 1, 4, 31, 32, 33, 63, 64];
        bad = new bytes[](lengths.length);
        for (uint256 i = 0; i < lengths.length; ++i) {
            bad[i] = new bytes(lengths[i]);
            for (uint256 k = 0; k < lengths[i]; ++k) {
                bad[i][k] = signature[k];
            }
        }
    }

    /// @dev Both as r ‖ s and as ERC-2098 has it, with v in the highest bit of s.
    function compact(bytes memory signature) internal pure returns (bytes[] memory bad) {
        (uint256 r, uint256 s, uint8 v) = split(signature);
        bad = new bytes[](2);
        bad[0] = abi.encode(r, s);
        bad[1] = abi.encode(r, s | uint256(v - 27) << 255);
    }

    function long(bytes memory signature) internal pure returns (bytes[] memory bad) {
        (uint256 r, uint256 s, uint8 v) = split(signature);
        bad = new bytes[](6);
        bad[0] = abi.encodePacked(signature, hex"00");
        bad[1] = abi.encodePacked(hex"00", signature);
        bad[2] = abi.encode(r, s, v);
        bad[3] = abi.encode(v, r, s);
        bad[4] = abi.encodePacked(signature, signature);
        bad[5] = abi.encode(signature);
    }

    /// @dev The other parity, the parity alone, EIP-155's, and what lies next to the right ones.
    function otherV(bytes memory signature) internal pure returns (bytes[] memory bad) {
        (uint256 r, uint256 s, uint8 v) = split(signature);
        uint8[9] memory others = [v == 27 ? 28 : 27, 0, 1, 26, 29, 35, 36, 128 + v, 255];
        bad = new bytes[](others.length);
        for (uint256 i = 0; i < others.length; ++i) {
            bad[i] = abi.encodePacked(r, s, others[i]);
        }
    }

    /// @dev The same point's other s, which the precompile takes as well.
    function highSTwin(bytes memory signature) internal pure returns (bytes[] memory) {
        (uint256 r, uint256 s, uint8 v) = split(signature);
        vm.assertLe(LOWEST_HIGH_S, ORDER - s, "high");
        return listOf(abi.encodePacked(r, ORDER - s, v == 27 ? uint8(28) : uint8(27)));
    }

    function zeroR(bytes memory signature) internal pure returns (bytes[] memory bad) {
        (, uint256 s, uint8 v) = split(signature);
        bad = new bytes[](2);
        bad[0] = abi.encodePacked(uint256(0), s, v);
        bad[1] = abi.encodePacked(uint256(0), uint256(0), v);
    }

    function zeroS(bytes memory signature) internal pure returns (bytes[] memory) {
        (uint256 r,, uint8 v) = split(signature);
        return listOf(abi.encodePacked(r, uint256(0), v));
    }

    function outOfRange(bytes memory signature) internal pure returns (bytes[] memory bad) {
        (uint256 r, uint256 s, uint8 v) = split(signature);
        bad = new bytes[](5);
        bad[0] = abi.encodePacked(ORDER, s, v);
        bad[1] = abi.encodePacked(r, ORDER, v);
        bad[2] = abi.encodePacked(r, LOWEST_HIGH_S, v);
        bad[3] = abi.encodePacked(type(uint256).max, s, v);
        bad[4] = abi.encodePacked(type(uint256).max, type(uint256).max, v);
    }

    function byAnotherKey(Act act, Message memory message) internal view returns (bytes[] memory) {
        return listOf(signed(STRANGERS_KEY, digestFor(act, message)));
    }

    /// @dev Bad ones, and no signature where that does not say that the signer acts in person.
    function sentInPerson(Act act, Message memory message) internal view returns (bytes[] memory bad) {
        bool mayBeInPerson = act == Act.RevokeWithPreimage || act == Act.LeaveTombstone;
        bad = new bytes[](mayBeInPerson ? 3 : 4);
        bad[0] = hex"00";
        bad[1] = new bytes(65);
        bad[2] = signed(STRANGERS_KEY, digestFor(act, message));
    }

    /// @dev What the same account signed over the same message for the acts with another digest.
    function forOtherActs(Act act, Message memory message) internal view returns (bytes[] memory bad) {
        Act[4] memory others = [Act.RecordSigned, Act.RevokeSigned, Act.RevokeAllSigned, Act.SetKeySigned];
        bad = new bytes[](others.length - 1);
        uint256 count = 0;
        for (uint256 i = 0; i < others.length; ++i) {
            bytes32 digest = digestFor(others[i], message);
            if (digest != digestFor(act, message)) bad[count++] = signed(KEY, digest);
        }
    }

    function forOtherChains(Act act, Message memory message) internal view returns (bytes[] memory bad) {
        uint256[4] memory chains = [uint256(0), 1, block.chainid + 1, type(uint256).max];
        bad = new bytes[](chains.length);
        for (uint256 i = 0; i < chains.length; ++i) {
            bytes32 elsewhere = domainOf(nameFor(act), "1", chains[i], contractFor(act));
            bad[i] = signed(KEY, digestUnder(elsewhere, act, message));
        }
    }

    /// @dev For another deployment, for the other contract, and for none.
    function forOtherContracts(Act act, Message memory message) internal returns (bytes[] memory bad) {
        address twin = act == Act.SetKeySigned ? address(deployedDirectory()) : address(deployed());
        address sibling = act == Act.SetKeySigned ? address(registry) : address(directory);
        address[3] memory contracts = [twin, sibling, address(0)];
        bad = new bytes[](contracts.length);
        for (uint256 i = 0; i < contracts.length; ++i) {
            bytes32 elsewhere = domainOf(nameFor(act), contracts[i]);
            bad[i] = signed(KEY, digestUnder(elsewhere, act, message));
        }
    }

    function forOtherNames(Act act, Message memory message) internal view returns (bytes[] memory bad) {
        string memory sibling = act == Act.SetKeySigned ? "Consent Ledger" : "Consent Ledger Directory";
        string[3] memory names = [sibling, "consent ledger", ""];
        bad = new bytes[](names.length);
        for (uint256 i = 0; i < names.length; ++i) {
            bytes32 elsewhere = domainOf(names[i], contractFor(act));
            bad[i] = signed(KEY, digestUnder(elsewhere, act, message));
        }
    }

    function forAnotherVersion(Act act, Message memory message) internal view returns (bytes[] memory) {
        bytes32 elsewhere = domainOf(nameFor(act), "2", block.chainid, contractFor(act));
        return listOf(signed(KEY, digestUnder(elsewhere, act, message)));
    }

    /// @dev As `personal_sign` would, over the digest; and over the id itself, where there is one.
    function withoutDomain(Act act, Message memory message) internal view returns (bytes[] memory bad) {
        bytes32 digest = digestFor(act, message);
        bad = new bytes[](2);
        bad[0] = signed(KEY, keccak256(abi.encodePacked("\x19Ethereum Signed Message:\n32", digest)));
        bad[1] = signed(KEY, digestUnder(0, act, message));
    }

    function nameFor(Act act) private pure returns (string memory) {
        return act == Act.SetKeySigned ? "Consent Ledger Directory" : "Consent Ledger";
    }

    function contractFor(Act act) private view returns (address) {
        return act == Act.SetKeySigned ? address(directory) : address(registry);
    }

    function changeSigner(Message memory message) internal view {
        message.signer = other;
    }

    function changeEpoch(Message memory message) internal pure {
        message.epoch = 1;
    }

    function changeStatement(Message memory message) internal pure {
        message.statement = "another statement";
    }

    function changeDocument(Message memory message) internal pure {
        message.document = keccak256("another document");
    }

    function changeSalt(Message memory message) internal pure {
        message.salt = keccak256("another salt");
    }

    function changeUntil(Message memory message) internal pure {
        ++message.until;
    }

    function changeKey(Message memory message) internal pure {
        message.key = keccak256("another key");
    }

    function changeVersion(Message memory message) internal pure {
        ++message.version;
    }
}
