// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentState, IConsentRegistry, SignedConsent} from "../src/IConsentRegistry.sol";
import {ISigned} from "../src/ISigned.sol";
import {SignaturesFixture} from "./SignaturesFixture.sol";
import {Vm, vm} from "./Vm.sol";

/// @dev Puts a wallet to the question in every act that takes a signature. Whatever it does, whoever relays
///      pays no more than the cap for it.
abstract contract SignaturesTrial is SignaturesFixture {
    uint256 internal constant CAP = 300_000;

    /// @dev What an act costs at most besides the wallet's answer, without what it stores.
    uint256 internal constant OVERHEAD = 20_000;

    /// @dev What an act stores at most: a key where there was none, and its version.
    uint256 internal constant STORING = 50_000;

    /// @dev Sees that it is refused in every act, and skipped in a batch whose other items are recorded.
    function refuseFrom(address wallet) internal {
        for (uint256 i = 0; i < ACTS; ++i) {
            Message memory message = messageOf(wallet);
            uint256 start = vm.snapshotState();
            prepare(Act(i), message);
            refuse(Act(i), message, good(Act(i), message), ISigned.BadSignature.selector);
            vm.assertLe(spent, CAP + OVERHEAD, nameOf(Act(i)));
            vm.revertToState(start);
        }
        skipBetweenOthers(wallet);
    }

    /// @dev Sees that it has its effect in every act.
    function acceptFrom(address wallet) internal {
        for (uint256 i = 0; i < ACTS; ++i) {
            Message memory message = messageOf(wallet);
            uint256 start = vm.snapshotState();
            prepare(Act(i), message);
            accept(Act(i), message, good(Act(i), message));
            vm.assertLe(spent, CAP + OVERHEAD + STORING, nameOf(Act(i)));
            vm.revertToState(start);
        }
    }

    function skipBetweenOthers(address wallet) private {
        Message memory message = messageOf(wallet);
        SignedConsent[] memory batch = new SignedConsent[](3);
        batch[0] = signedBy(KEY + 1, 0, TERMS, UNTIL);
        batch[1] = consentFrom(message, good(Act.RecordBatch, message));
        batch[2] = signedBy(KEY + 2, 0, TERMS, UNTIL);
        uint256 start = vm.snapshotState();
        vm.recordLogs();
        registry.recordBatch(batch);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 3, "events of the batch");
        assertSkipped(logs[1], 1, idOf(message), ISigned.BadSignature.selector);
        for (uint256 i = 0; i < 3; i += 2) {
            vm.assertEq(logs[i].topics[0], IConsentRegistry.Recorded.selector, "Recorded");
            assertState(
                consentOf(domain(), batch[i].controller, 0, TERMS, UNTIL), ConsentState.Active, "neighbour"
            );
        }
        vm.revertToState(start);
    }
}
