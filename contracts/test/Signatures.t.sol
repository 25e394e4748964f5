// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

import {ConsentId, ConsentState} from "../src/IConsentRegistry.sol";
import {ISigned} from "../src/ISigned.sol";
import {SignaturesCatalogue} from "./SignaturesCatalogue.sol";
import {vm} from "./Vm.sol";
import {LenientWallet, OwnedWallet, ParrotWallet, UnwrappingWallet} from "./Wallets.sol";

/// @dev An account that is a key and nothing else.
contract EoaSignatures is SignaturesCatalogue {
    function accounts() internal pure override returns (address, address) {
        return (vm.addr(KEY), vm.addr(OTHER_KEY));
    }

    function keyOf(address signer) internal view override returns (uint256) {
        return signer == other ? OTHER_KEY : KEY;
    }

    /// @dev A recovery that fails gives the zero address, which must not be taken for a signer.
    function test_refuseTheZeroAddress() public {
        for (uint256 i = 0; i < ACTS; ++i) {
            Act act = Act(i);
            if (act == Act.SetKeySigned) continue;
            Message memory message = messageOf(address(0));
            uint256 start = vm.snapshotState();
            prepare(act, message);
            refuse(act, message, "", objection());
            refuse(act, message, new bytes(65), objection());
            refuse(act, message, abi.encodePacked(uint256(1), uint256(1), uint8(29)), objection());
            vm.revertToState(start);
        }
    }

    /// @dev A precompile has no code, and what it would answer is not asked: 4 repeats the question.
    function test_refusePrecompiles() public {
        for (uint160 i = 1; i <= 17; ++i) {
            Message memory message = messageOf(address(i));
            refuse(Act.RecordSigned, message, good(Act.RecordSigned, message), objection());
        }
    }

    /// @dev Also around the good signature of the key: what is sent says that the account is no key.
    function test_refuseWrapped() public {
        for (uint256 i = 0; i < ACTS; ++i) {
            Message memory message = messageOf(account);
            uint256 start = vm.snapshotState();
            prepare(Act(i), message);
            bytes memory wrapped = counterfactual(address(1), "", good(Act(i), message));
            refuse(Act(i), message, wrapped, ISigned.NotDeployed.selector);
            vm.revertToState(start);
        }
    }

    /// @dev The suffix is the last 32 bytes, all of them, and may be all there is.
    function test_theSuffixIsWholeAndLast() public {
        Message memory message = messageOf(account);
        bytes32 suffix = COUNTERFACTUAL;
        refuse(Act.RecordSigned, message, abi.encode(suffix), ISigned.NotDeployed.selector);
        refuse(Act.RecordSigned, message, abi.encode(uint256(1), suffix), ISigned.NotDeployed.selector);
        refuse(Act.RecordSigned, message, abi.encodePacked(bytes31(suffix)), objection());
        refuse(Act.RecordSigned, message, abi.encodePacked(bytes31(suffix << 8)), objection());
        refuse(Act.RecordSigned, message, abi.encodePacked(suffix, hex"00"), objection());
        refuse(Act.RecordSigned, message, abi.encode(suffix, uint256(1)), objection());
        refuse(Act.RecordSigned, message, abi.encode(uint256(suffix) ^ 1), objection());
        refuse(Act.RecordSigned, message, abi.encode(uint256(suffix) ^ 1 << 255), objection());
    }

    /// @dev The preimage then names another consent, so what was recorded before the fork ends by its id.
    function test_afterChainIdChangedWhatWasRecordedEndsByItsId() public {
        Message memory message = messageOf(account);
        accept(Act.RecordSigned, message, good(Act.RecordSigned, message));
        ConsentId id = idOf(message);
        vm.chainId(block.chainid + 1);
        accept(Act.LeaveTombstone, message, good(Act.LeaveTombstone, message));
        assertState(id, ConsentState.Active, "recorded before the fork");
        registry.revokeSigned(id, signed(KEY, revocationOf(domain(), id)));
        assertState(id, ConsentState.Ended, "revoked by its id");
    }

    function test_refuseEveryOtherV() public {
        Message memory message = messageOf(account);
        bytes memory signature = good(Act.RecordSigned, message);
        uint8 v = uint8(signature[64]);
        for (uint256 i = 1; i < 256; ++i) {
            signature[64] = bytes1(v ^ uint8(i));
            refuse(Act.RecordSigned, message, signature, objection());
        }
    }

    function test_refuseEveryFlippedBit() public {
        Message memory message = messageOf(account);
        bytes memory signature = good(Act.RecordSigned, message);
        for (uint256 bit = 0; bit < signature.length * 8; ++bit) {
            bytes1 mask = bytes1(uint8(1 << bit % 8));
            signature[bit / 8] ^= mask;
            refuse(Act.RecordSigned, message, signature, objection());
            signature[bit / 8] ^= mask;
        }
    }

    function testFuzz_refuseAnyOtherBytes(bytes memory signature) public {
        Message memory message = messageOf(account);
        vm.assume(keccak256(signature) != keccak256(good(Act.RecordSigned, message)));
        bool isWrapped = signature.length >= 32 && lastWordOf(signature) == COUNTERFACTUAL;
        refuse(Act.RecordSigned, message, signature, isWrapped ? ISigned.NotDeployed.selector : objection());
    }

    function lastWordOf(bytes memory data) private pure returns (bytes32 word) {
        for (uint256 i = 0; i < 32; ++i) {
            word |= bytes32(data[data.length - 32 + i]) >> i * 8;
        }
    }
}

/// @dev A deployed ERC-1271 wallet, and another one of the same owner.
contract WalletSignatures is SignaturesCatalogue {
    function accounts() internal override returns (address, address) {
        return (address(new OwnedWallet(vm.addr(KEY), 0)), address(new OwnedWallet(vm.addr(KEY), 0)));
    }

    /// @dev A deployed wallet is asked about all bytes as they came, the ERC-6492 suffix included.
    function test_refuseWrapped() public {
        refuseForged(wrapped);
    }

    function test_theWalletMayUnwrap() public {
        account = address(new UnwrappingWallet(vm.addr(KEY)));
        acceptAll(wrapped);
    }

    /// @dev What a wallet takes for a signature is its own affair.
    function test_theWalletMayTakeCompact64() public {
        account = address(new LenientWallet(vm.addr(KEY)));
        acceptAll(compact64);
    }

    function test_theWalletMayTakeTheHighSTwin() public {
        account = address(new LenientWallet(vm.addr(KEY)));
        acceptAll(twin);
    }

    function test_theWalletMayTakeNoBytesAtAll() public {
        account = address(new ParrotWallet(abi.encode(IERC1271.isValidSignature.selector)));
        acceptAll(nothing);
    }

    /// @dev The wallet's word, in whatever spelling, has its effect once.
    function test_anotherSpellingIsNoSecondSignature() public {
        account = address(new LenientWallet(vm.addr(KEY)));
        for (uint256 i = 0; i < ACTS; ++i) {
            Act act = Act(i);
            if (act == Act.RecordBatch) continue;
            Message memory message = messageOf(account);
            uint256 start = vm.snapshotState();
            prepare(act, message);
            accept(act, message, good(act, message));
            vm.recordLogs();
            (bool success,) = send(act, message, twin(act, message)[0]);
            vm.assertTrue(success, "error to the one who came later");
            assertSilent("a second effect");
            vm.revertToState(start);
        }
    }

    function acceptAll(function(Act, Message memory) internal returns (bytes[] memory) spell) private {
        for (uint256 i = 0; i < ACTS; ++i) {
            Message memory message = messageOf(account);
            uint256 start = vm.snapshotState();
            prepare(Act(i), message);
            accept(Act(i), message, spell(Act(i), message)[0]);
            vm.revertToState(start);
        }
    }

    function wrapped(Act act, Message memory message) private view returns (bytes[] memory) {
        return listOf(counterfactual(address(1), "", good(act, message)));
    }

    function compact64(Act act, Message memory message) private view returns (bytes[] memory) {
        (uint256 r, uint256 s, uint8 v) = split(good(act, message));
        return listOf(abi.encode(r, s | uint256(v - 27) << 255));
    }

    function twin(Act act, Message memory message) private view returns (bytes[] memory) {
        (uint256 r, uint256 s, uint8 v) = split(good(act, message));
        return listOf(abi.encodePacked(r, ORDER - s, v == 27 ? uint8(28) : uint8(27)));
    }

    function nothing(Act, Message memory) private pure returns (bytes[] memory) {
        return listOf("");
    }
}
