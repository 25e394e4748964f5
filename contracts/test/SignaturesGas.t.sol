// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentId, ConsentState, SignedConsent} from "../src/IConsentRegistry.sol";
import {ISigned} from "../src/ISigned.sol";
import {SignaturesTrial} from "./SignaturesTrial.sol";
import {vm} from "./Vm.sol";
import {BurningWallet, FloodingWallet, InvalidWallet, OwnedWallet, PickyWallet} from "./Wallets.sol";

/// @dev What a wallet's answer may cost: never more than the cap to whoever relays, and never less than the
///      cap is granted to the wallet, or the whole call fails and says so.
contract SignaturesGasTest is SignaturesTrial {
    /// @dev The least gas left with which a wallet is sure of the cap, and not much more.
    uint256 private constant ENOUGH = CAP * 64 / 63 + 10_000;

    /// @dev In bytes, to the thousand, the longest answer for which the cap pays the memory.
    uint256 private constant LONGEST = 372_000;

    function test_acceptAWalletThatSpendsAlmostTheCap() public {
        acceptFrom(address(new OwnedWallet(vm.addr(KEY), CAP - 20_000)));
    }

    function test_refuseAWalletThatSpendsMoreThanTheCap() public {
        refuseFrom(address(new OwnedWallet(vm.addr(KEY), CAP)));
    }

    function test_aWalletIsGrantedTheCapAndNoMore() public {
        acceptFrom(address(new PickyWallet(CAP - 1_000)));
        refuseFrom(address(new PickyWallet(CAP)));
    }

    function test_refuseAWalletThatBurnsItsGas() public {
        refuseFrom(address(new BurningWallet()));
    }

    function test_refuseAWalletThatLosesItsGasAtOnce() public {
        refuseFrom(address(new InvalidWallet()));
    }

    /// @dev Such an answer takes memory of 2.2 million gas, which the wallet does not have.
    function test_refuseAnAnswerOf1MB() public {
        refuseFrom(address(new FloodingWallet(1_000_000, false)));
    }

    function test_refuseARevertWith1MB() public {
        refuseFrom(address(new FloodingWallet(1_000_000, true)));
    }

    /// @dev Of the longest answer that the cap pays for, the caller copies one word.
    function test_acceptTheLongestAnswerAtNoCostToTheCaller() public {
        acceptFrom(address(new FloodingWallet(LONGEST, false)));
        refuseFrom(address(new FloodingWallet(LONGEST + 1_000, false)));
    }

    function test_refuseTheLongestRevertAtNoCostToTheCaller() public {
        refuseFrom(address(new FloodingWallet(LONGEST, true)));
    }

    function test_everyWalletOfABatchIsCapped() public {
        SignedConsent[] memory batch = new SignedConsent[](6);
        for (uint256 i = 0; i < batch.length; ++i) {
            batch[i] = i % 2 == 0
                ? signedBy(KEY + i, 0, TERMS, UNTIL)
                : consentFrom(messageOf(answeredBy(address(new BurningWallet()))[i / 2 % 2]), "");
        }
        uint256 start = gasleft();
        registry.recordBatch(batch);
        vm.assertLe(start - gasleft(), 3 * (CAP + OVERHEAD) + 3 * 60_000, "gas of the batch");
        for (uint256 i = 0; i < batch.length; i += 2) {
            ConsentId id = consentOf(domain(), batch[i].controller, 0, TERMS, UNTIL);
            assertState(id, ConsentState.Active, "others");
        }
    }

    /// @dev The least gas with which a batch goes through at all is enough for its wallets: a relayer that
    ///      sends too little fails as a whole, and no signature is called bad for it. Isolated, so that
    ///      accounts are cold.
    /// forge-config: default.isolate = true
    function test_aWalletIsNeverShortOfGas() public {
        assertNeverShortOfGas(address(new PickyWallet(CAP - 1_000)));
    }

    /// forge-config: default.isolate = true
    function test_aWalletBehindADelegationIsNeverShortOfGas() public {
        address code = address(new PickyWallet(CAP - 1_000));
        address account = vm.addr(KEY + 7);
        vm.etch(account, abi.encodePacked(hex"ef0100", code));
        assertNeverShortOfGas(account);
    }

    /// @dev What it costs to hand a long signature on is spent before it is seen whether enough is left.
    function test_aLongSignatureDoesNotShortenTheWalletsGas() public {
        address[2] memory accounts = answeredBy(address(new PickyWallet(CAP - 1_000)));
        for (uint256 size = 0; size <= 96_000; size += 32_000) {
            for (uint256 i = 0; i < accounts.length; ++i) {
                assertSaidOrDone(callOf(Act.RecordSigned, messageOf(accounts[i]), new bytes(size)));
            }
        }
    }

    function test_tooLittleGasIsSaidAndChangesNothing() public {
        address wallet = address(new OwnedWallet(vm.addr(KEY), 0));
        for (uint256 i = 0; i < ACTS; ++i) {
            Act act = Act(i);
            Message memory message = messageOf(wallet);
            uint256 start = vm.snapshotState();
            prepare(act, message);
            bytes32 before = viewOf(message);
            (bool success, bytes memory answer) = send(act, message, good(act, message), CAP);
            vm.assertFalse(success, string.concat("done by ", nameOf(act)));
            assertNotEnoughGas(answer);
            vm.assertEq(viewOf(message), before, nameOf(act));
            accept(act, message, good(act, message));
            vm.revertToState(start);
        }
    }

    /// @dev Also what the batch had recorded already.
    function test_tooLittleGasEndsTheWholeBatch() public {
        SignedConsent[] memory batch = new SignedConsent[](2);
        batch[0] = signedIn(0);
        batch[1] = consentFrom(messageOf(address(new BurningWallet())), "");
        bytes memory call = abi.encodeCall(registry.recordBatch, (batch));
        (bool success, bytes memory answer) = address(registry).call{gas: CAP}(call);
        vm.assertFalse(success, "success");
        assertNotEnoughGas(answer);
        assertState(idIn(0), ConsentState.None, "the key's");
    }

    /// @dev For an account without code no gas is set aside, whether its signature is good or bad.
    function test_littleGasIsEnoughForAKey() public {
        vm.expectCall(controller, "", 0);
        for (uint256 i = 0; i < ACTS; ++i) {
            Act act = Act(i);
            Message memory message = messageOf(controller);
            uint256 start = vm.snapshotState();
            prepare(act, message);
            (, bytes memory answer) = send(act, message, "", OVERHEAD + STORING);
            if (act != Act.RecordBatch) {
                vm.assertEq(bytes32(bytes4(answer)), bytes32(ISigned.BadSignature.selector), nameOf(act));
            }
            (bool success,) = send(act, message, good(act, message), OVERHEAD + STORING);
            vm.assertTrue(success, nameOf(act));
            assertDone(act, message);
            vm.revertToState(start);
        }
    }

    /// @dev What is settled already needs no answer, and none is asked for.
    function test_littleGasIsEnoughForWhatIsDone() public {
        Message memory message = messageOf(address(new OwnedWallet(vm.addr(KEY), 0)));
        accept(Act.RecordSigned, message, good(Act.RecordSigned, message));
        (bool success,) = send(Act.RecordSigned, message, "", OVERHEAD);
        vm.assertTrue(success, "success");
        accept(Act.RevokeWithPreimage, message, good(Act.RevokeWithPreimage, message));
        (success,) = send(Act.RevokeWithPreimage, message, "", OVERHEAD);
        vm.assertTrue(success, "success");
    }

    function assertNotEnoughGas(bytes memory answer) private pure {
        vm.assertEq(answer.length, 68, "NotEnoughGas(left, needed)");
        vm.assertEq(bytes32(bytes4(answer)), bytes32(ISigned.NotEnoughGas.selector), "error");
        bytes memory arguments = new bytes(64);
        for (uint256 i = 0; i < 64; ++i) {
            arguments[i] = answer[4 + i];
        }
        (uint256 left, uint256 needed) = abi.decode(arguments, (uint256, uint256));
        vm.assertLe(left, needed - 1, "left");
        vm.assertLe(CAP * 64 / 63, needed, "needed for the cap");
        vm.assertLe(needed, ENOUGH, "not more than needed");
    }

    /// @dev With any gas around the least that is enough, the wallet agrees, or else too little gas is said.
    function assertSaidOrDone(bytes memory recording) private {
        uint256 done = 0;
        for (uint256 gas = CAP; gas <= CAP + 160_000; gas += 2_000) {
            uint256 start = vm.snapshotState();
            (bool success, bytes memory answer) = address(registry).call{gas: gas}(recording);
            if (success) ++done;
            else assertNotEnoughGas(answer);
            vm.revertToState(start);
        }
        vm.assertTrue(0 < done && done <= 80, "both happened");
    }

    /// @dev Bisects for the least gas with which a batch succeeds, and sees that it recorded everything.
    function assertNeverShortOfGas(address wallet) private {
        SignedConsent[] memory batch = new SignedConsent[](2);
        (batch[0], batch[1]) = (signedIn(0), consentFrom(messageOf(wallet), ""));
        (uint256 least, uint256 most) = (0, 1_000_000);
        while (least + 1 < most) {
            uint256 middle = (least + most) / 2;
            if (recordsAll(batch, middle)) most = middle;
            else least = middle;
        }
        vm.assertLe(CAP, most, "the wallet was asked");
    }

    function recordsAll(SignedConsent[] memory batch, uint256 gas) private returns (bool success) {
        uint256 start = vm.snapshotState();
        (success,) = address(registry).call{gas: gas}(abi.encodeCall(registry.recordBatch, (batch)));
        ConsentState expected = success ? ConsentState.Active : ConsentState.None;
        assertState(idIn(0), expected, "the key's");
        assertState(idOf(messageOf(batch[1].controller)), expected, "the wallet's");
        vm.revertToState(start);
    }
}
