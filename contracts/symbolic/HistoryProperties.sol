// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentId, ConsentState} from "../src/IConsentRegistry.sol";
import {vm} from "../test/Vm.sol";
import {AnyRegistry, Preimage, Stored} from "./AnyRegistry.sol";
import {both, either} from "./Logic.sol";
import {moreVm, svm} from "./Svm.sol";

/// @dev What no call to the registry does, whoever makes it, whatever it says, and whatever is stored.
contract HistoryProperties is AnyRegistry {
    function check_an_ended_consent_stays_ended(ConsentId id, uint256 later) public {
        Stored memory before = storedOf(id);
        vm.assume(isSound(before));
        vm.assume(both(!isNothing(before), !isActive(before)));
        anyCall();
        vm.assume(later >= block.timestamp);
        vm.warp(later);
        assert(registry.stateOf(id) == ConsentState.Ended);
    }

    function check_what_is_stored_changes_only_by_losing_its_until(ConsentId id) public {
        Stored memory before = storedOf(id);
        vm.assume(before.controller != address(0));
        anyCall();
        Stored memory afterwards = storedOf(id);
        Stored memory revoked = Stored(before.controller, 0, before.recordedAt, before.epoch);
        assert(either(same(afterwards, before), same(afterwards, revoked)));
    }

    function check_what_is_stored_stays_sound(ConsentId id) public {
        vm.assume(isSound(storedOf(id)));
        anyCall();
        assert(isSound(storedOf(id)));
    }

    function check_what_is_stored_stays_that_of_its_consent(Preimage memory consent) public {
        ConsentId id = idOf(consent);
        vm.assume(isOf(storedOf(id), consent));
        anyCall();
        assert(isOf(storedOf(id), consent));
    }

    function check_only_what_is_in_time_and_of_its_epoch_becomes_active(Preimage memory consent) public {
        ConsentId id = idOf(consent);
        vm.assume(isNothing(storedOf(id)));
        anyCall();
        Stored memory stored = storedOf(id);
        if (stored.until == 0) return;
        assert(stored.until == consent.until && consent.until > block.timestamp);
        assert(consent.epoch == registry.epochOf(consent.controller) && consent.epoch != LAST_EPOCH);
        assert(stored.recordedAt == block.timestamp);
    }

    function check_an_epoch_only_moves_on_by_one_and_the_last_one_stays(address controller) public {
        uint16 before = registry.epochOf(controller);
        anyCall();
        uint16 afterwards = registry.epochOf(controller);
        assert(afterwards == before || (before != LAST_EPOCH && afterwards == before + 1));
    }

    function check_no_call_takes_ether(address sender, uint256 value) public {
        vm.assume(value > 0);
        moreVm.deal(sender, value);
        bytes memory data = svm.createCalldata("ConsentRegistry");
        vm.prank(sender);
        (bool success,) = address(registry).call{value: value}(data);
        assert(!success);
    }

    function anyCall() private {
        address sender = svm.createAddress("sender");
        vm.assume(sender != address(0));
        bytes memory data = svm.createCalldata("ConsentRegistry");
        vm.prank(sender);
        (bool success,) = address(registry).call(data);
        vm.assume(success);
    }
}
