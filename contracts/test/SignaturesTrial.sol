// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentId, ConsentState, SignedConsent} from "../src/IConsentRegistry.sol";
import {ISigned} from "../src/ISigned.sol";
import {SignaturesFixture} from "./SignaturesFixture.sol";
import {Vm, vm} from "./Vm.sol";

/// @dev Puts a wallet to the question in every act that takes a signature, and so an account delegated to the
///      wallet's code under EIP-7702. Whatever it does, whoever relays pays no more than the cap for it, and
///      the account's own key counts.
abstract contract SignaturesTrial is SignaturesFixture {
    uint256 internal constant CAP = 300_000;

    /// @dev What an act costs at most besides the wallet's answer, without what it stores.
    uint256 internal constant OVERHEAD = 20_000;

    /// @dev What an act stores at most: a key where there was none, and its version.
    uint256 internal constant STORING = 50_000;

    uint256 private constant DELEGATORS_KEY = uint256(keccak256("delegator"));

    /// @dev Those that a wallet's code answers for: the wallet, and an account delegated to it.
    function answeredBy(address wallet) internal returns (address[2] memory accounts) {
        return [wallet, delegated(DELEGATORS_KEY, wallet)];
    }

    /// @dev Sees that it is refused in every act, and skipped in a batch whose other items are recorded.
    function refuseFrom(address wallet) internal {
        address[2] memory accounts = answeredBy(wallet);
        for (uint256 who = 0; who < accounts.length; ++who) {
            for (uint256 i = 0; i < ACTS; ++i) {
                Message memory message = messageOf(accounts[who]);
                uint256 start = vm.snapshotState();
                prepare(Act(i), message);
                refuse(Act(i), message, good(Act(i), message), ISigned.BadSignature.selector);
                vm.assertLe(spent, CAP + OVERHEAD, nameOf(Act(i)));
                vm.revertToState(start);
            }
            skipBetweenOthers(accounts[who]);
        }
        acceptOwnKey(accounts[1]);
    }

    /// @dev Sees that it has its effect in every act.
    function acceptFrom(address wallet) internal {
        address[2] memory accounts = answeredBy(wallet);
        for (uint256 who = 0; who < accounts.length; ++who) {
            for (uint256 i = 0; i < ACTS; ++i) {
                Message memory message = messageOf(accounts[who]);
                acceptOnce(Act(i), message, good(Act(i), message));
            }
        }
        acceptOwnKey(accounts[1]);
    }

    function acceptOwnKey(address delegator) private {
        for (uint256 i = 0; i < ACTS; ++i) {
            Message memory message = messageOf(delegator);
            uint256 cost = acceptOnce(Act(i), message, signed(DELEGATORS_KEY, digestFor(Act(i), message)));
            vm.assertLe(cost, OVERHEAD + STORING, nameOf(Act(i)));
        }
    }

    /// @dev Sees that the act has its effect, and takes it back.
    /// @return cost in gas
    function acceptOnce(Act act, Message memory message, bytes memory signature)
        internal
        returns (uint256 cost)
    {
        uint256 start = vm.snapshotState();
        prepare(act, message);
        accept(act, message, signature);
        cost = spent;
        vm.assertLe(cost, CAP + OVERHEAD + STORING, nameOf(act));
        vm.revertToState(start);
    }

    function skipBetweenOthers(address account) private {
        Message memory message = messageOf(account);
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
            ConsentId id = consentOf(domain(), batch[i].controller, 0, TERMS, UNTIL);
            assertRecorded(logs[i], id, batch[i].controller, 0, UNTIL);
            assertState(id, ConsentState.Active, "neighbour");
        }
        vm.revertToState(start);
    }
}
