// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

import {ConsentState, SignedConsent} from "../src/IConsentRegistry.sol";
import {ISigned} from "../src/ISigned.sol";
import {SignaturesTrial} from "./SignaturesTrial.sol";
import {Vm, vm} from "./Vm.sol";
import {
    BareAccount,
    CuriousWallet,
    FickleWallet,
    FloodingWallet,
    HandedOnWallet,
    MeddlingWallet,
    OwnedWallet,
    ParrotWallet,
    PasswordWallet,
    ProxyWallet,
    RevertingWallet,
    SilentAccount,
    WritingWallet
} from "./Wallets.sol";

/// @dev What a wallet may answer, and do when it is asked, in every act that takes a signature. Whatever it
///      does, the rest of its batch is recorded.
contract SignaturesOfWalletsTest is SignaturesTrial {
    bytes4 private constant YES = 0x1626ba7e;

    function test_theAnswerIsThatOfERC1271() public pure {
        vm.assertEq(bytes32(IERC1271.isValidSignature.selector), bytes32(YES), "yes");
    }

    function test_acceptAWalletThatAgrees() public {
        acceptFrom(address(new OwnedWallet(vm.addr(KEY), 0)));
    }

    function test_refuseAWalletThatDisagrees() public {
        refuseFrom(address(new OwnedWallet(vm.addr(KEY + 1), 0)));
    }

    function test_acceptAProxyWhoseAnswerComesFromElsewhere() public {
        acceptFrom(address(new ProxyWallet(address(new OwnedWallet(vm.addr(KEY), 0)))));
    }

    function test_refuseAProxyOfAWalletThatDisagrees() public {
        refuseFrom(address(new ProxyWallet(address(new OwnedWallet(vm.addr(KEY + 1), 0)))));
    }

    function test_refuseAWalletThatReverts() public {
        refuseFrom(address(new RevertingWallet()));
    }

    function test_refuseAWalletThatRevertsWithYes() public {
        refuseFrom(address(new FloodingWallet(32, true)));
    }

    function test_refuseAContractWithoutTheFunction() public {
        refuseFrom(address(new BareAccount()));
    }

    function test_refuseAContractThatIgnoresTheQuestion() public {
        refuseFrom(address(new SilentAccount()));
    }

    function test_refuseNoData() public {
        refuseAnswer("");
    }

    function test_refuse4Bytes() public {
        refuseAnswer(abi.encodePacked(YES));
    }

    function test_refuse31Bytes() public {
        refuseAnswer(abi.encodePacked(bytes31(YES)));
    }

    /// @dev A recovery that fails leaves zero where the answer is read, which would complete a yes cut short.
    function test_refuseAnAnswerThatIsCutOffAfterAFailedRecovery() public {
        address[2] memory accounts = answeredBy(address(new ParrotWallet(abi.encodePacked(YES))));
        for (uint256 i = 0; i < ACTS * accounts.length; ++i) {
            Act act = Act(i % ACTS);
            Message memory message = messageOf(accounts[i / ACTS]);
            bytes memory signature = good(act, message);
            signature[64] = 0;
            uint256 start = vm.snapshotState();
            prepare(act, message);
            refuse(act, message, signature, ISigned.BadSignature.selector);
            vm.revertToState(start);
        }
    }

    /// @dev Few bytes say it to some wallets; those of many owners, or of a proof, take thousands.
    function test_acceptASignatureOfAnyLength() public {
        uint256[5] memory lengths = [uint256(1), 64, 66, 4_096, 24_576];
        for (uint256 k = 0; k < lengths.length; ++k) {
            bytes memory signature = new bytes(lengths[k]);
            signature[lengths[k] - 1] = 0x01;
            address[2] memory accounts = answeredBy(address(new PasswordWallet(signature)));
            for (uint256 i = 0; i < ACTS; ++i) {
                acceptOnce(Act(i), messageOf(accounts[0]), signature);
                acceptOnce(Act(i), messageOf(accounts[1]), signature);
            }
        }
    }

    function test_acceptMoreThan32Bytes() public {
        acceptAnswer(abi.encodePacked(bytes32(YES), uint8(1)));
        acceptAnswer(abi.encode(YES, uint256(1)));
        acceptAnswer(abi.encode(YES, YES));
    }

    function test_refuseYesThatDoesNotComeFirst() public {
        refuseAnswer(abi.encode(bytes32(0), YES));
        refuseAnswer(abi.encodePacked(uint8(0), bytes32(YES)));
        refuseAnswer(abi.encode(abi.encode(YES)));
    }

    function test_refuseAnotherAnswer() public {
        refuseAnswer(abi.encode(true));
        refuseAnswer(abi.encode(bytes4(0xffffffff)));
        refuseAnswer(abi.encode(type(uint256).max));
        refuseAnswer(abi.encode(uint32(YES)));
        refuseAnswer(abi.encode(bytes4(keccak256("isValidSignature(bytes,bytes)"))));
    }

    function test_refuseYesWithDirtyLowerBytes() public {
        refuseAnswer(abi.encode(bytes32(YES) | bytes32(uint256(1))));
        refuseAnswer(abi.encode(bytes32(YES) | bytes32(uint256(1) << 223)));
        refuseAnswer(abi.encodePacked(YES, YES, YES, YES, YES, YES, YES, YES));
    }

    function test_refuseAWalletThatWritesBeforeItAgrees() public {
        refuseFrom(address(new WritingWallet()));
    }

    function test_acceptAWalletThatReadsTheRegistry() public {
        acceptFrom(address(new CuriousWallet(registry)));
    }

    /// @dev Nothing can be done in the name of the wallet while it is only asked, so one that agrees for it
    ///      does not.
    function test_refuseAWalletThatAgreesIfItsDeedSucceeds() public {
        refuseFrom(address(new MeddlingWallet(registry, abi.encodeCall(registry.revokeAll, ()), false)));
        bytes memory deed = abi.encodeCall(registry.record, (0, TERMS, UNTIL));
        refuseFrom(address(new MeddlingWallet(registry, deed, false)));
    }

    function test_whatAWalletTriesWhileItIsAskedHasNoEffect() public {
        bytes memory deed = abi.encodeCall(registry.revokeAll, ());
        address wallet = address(new MeddlingWallet(registry, deed, true));
        acceptFrom(wallet);
        address[2] memory accounts = answeredBy(wallet);
        for (uint256 i = 0; i < accounts.length; ++i) {
            accept(Act.RecordSigned, messageOf(accounts[i]), "");
            vm.assertEq(registry.epochOf(accounts[i]), 0, "epoch");
        }
    }

    /// @dev It relays the very consent that it is asked about, or others of the same batch.
    function test_aWalletCannotRelayWhileItIsAsked() public {
        SignedConsent memory consent = signedIn(0);
        bytes memory deed = abi.encodeCall(registry.recordSigned, (consent));
        address[2] memory accounts = answeredBy(address(new MeddlingWallet(registry, deed, true)));
        for (uint256 i = 0; i < accounts.length; ++i) {
            accept(Act.RecordSigned, messageOf(accounts[i]), "");
            assertState(idIn(0), ConsentState.None, "relayed by the wallet");
        }
    }

    /// @dev Each question is answered for itself, and asked once.
    function test_aWalletThatChangesItsMindIsAskedOnceForEach() public {
        address[2] memory accounts = answeredBy(address(new FickleWallet()));
        askTwice(accounts[0]);
        askTwice(accounts[1]);
    }

    /// @dev What a wallet says counts when it is asked, and what followed from it stays.
    function test_aWalletHandedOnKeepsWhatItDid() public {
        address[2] memory accounts = answeredBy(address(new HandedOnWallet()));
        handOn(HandedOnWallet(accounts[0]));
        handOn(HandedOnWallet(accounts[1]));
    }

    function askTwice(address wallet) private {
        Message memory second = messageOf(wallet);
        second.salt = keccak256("another salt");
        SignedConsent[] memory batch = new SignedConsent[](2);
        (batch[0], batch[1]) = (consentFrom(messageOf(wallet), ""), consentFrom(second, ""));
        vm.expectCall(wallet, abi.encodeWithSelector(YES), 2);
        vm.recordLogs();
        registry.recordBatch(batch);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 2, "events");
        assertSaid(logs[0], Act.RecordBatch, messageOf(wallet));
        assertSkipped(logs[1], 1, idOf(second), ISigned.BadSignature.selector);
        assertState(idOf(messageOf(wallet)), ConsentState.Active, "first");
        assertState(idOf(second), ConsentState.None, "second");
    }

    function handOn(HandedOnWallet wallet) private {
        wallet.handOn(vm.addr(KEY));
        (Message memory before, Message memory afterwards) =
            (messageOf(address(wallet)), messageOf(address(wallet)));
        afterwards.salt = keccak256("another salt");
        accept(Act.RecordSigned, before, good(Act.RecordSigned, before));
        wallet.handOn(vm.addr(KEY + 1));
        refuse(
            Act.RecordSigned, afterwards, good(Act.RecordSigned, afterwards), ISigned.BadSignature.selector
        );
        assertState(idOf(before), ConsentState.Active, "before");
        bytes memory revocation_ = signed(KEY + 1, digestFor(Act.RevokeSigned, before));
        accept(Act.RevokeSigned, before, revocation_);
    }

    function refuseAnswer(bytes memory answer) private {
        refuseFrom(address(new ParrotWallet(answer)));
    }

    function acceptAnswer(bytes memory answer) private {
        acceptFrom(address(new ParrotWallet(answer)));
    }
}
