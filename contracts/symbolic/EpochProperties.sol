// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentId, ConsentState} from "../src/IConsentRegistry.sol";
import {vm} from "../test/Vm.sol";
import {AnyRegistry, Stored} from "./AnyRegistry.sol";

/// @dev What revoking all does, and to whom.
contract EpochProperties is AnyRegistry {
    function setUp() public override {
        super.setUp();
        deployWallet();
    }

    function check_revokeAll_ends_every_consent_of_the_caller(ConsentId id) public {
        Stored memory stored = storedOf(id);
        vm.assume(isSound(stored));
        vm.assume(stored.controller != address(0));
        vm.prank(stored.controller);
        try registry.revokeAll() {
            assert(registry.stateOf(id) == ConsentState.Ended);
        } catch {
            assert(false);
        }
    }

    function check_revokeAll_begins_the_next_epoch_unless_it_is_the_last(address controller) public {
        uint16 before = registry.epochOf(controller);
        vm.prank(controller);
        registry.revokeAll();
        assert(registry.epochOf(controller) == (before == LAST_EPOCH ? before : before + 1));
    }

    function check_revokeAll_touches_nobody_else(address controller, address other, ConsentId id) public {
        vm.assume(controller != other);
        (Stored memory before, uint16 epoch) = (storedOf(id), registry.epochOf(other));
        bool wasActive = isActive(before);
        vm.prank(controller);
        registry.revokeAll();
        assert(registry.epochOf(other) == epoch);
        assert(same(storedOf(id), before));
        assert(before.controller == controller || isActive(before) == wasActive);
    }

    function check_revokeAllSigned_ends_only_the_epoch_that_its_controller_signed(
        address controller,
        uint16 epoch,
        bytes memory signature
    ) public {
        uint16 before = registry.epochOf(controller);
        registry.revokeAllSigned(controller, epoch, signature);
        uint16 afterwards = registry.epochOf(controller);
        if (afterwards == before) return;
        assert(epoch == before && afterwards == before + 1);
        assert(isSigned(revokeAllOf(domain, controller, epoch), controller, signature));
    }

    function check_the_key_is_enough_to_revoke_all(address controller, bytes memory signature) public {
        uint16 epoch = registry.epochOf(controller);
        vm.assume(epoch != LAST_EPOCH);
        vm.assume(isSignedByKey(revokeAllOf(domain, controller, epoch), controller, signature));
        try registry.revokeAllSigned(controller, epoch, signature) {
            assert(registry.epochOf(controller) == epoch + 1);
        } catch {
            assert(false);
        }
    }

    function check_revokeAllSigned_of_an_epoch_that_is_over_does_nothing(
        address controller,
        uint16 epoch,
        bytes memory signature
    ) public {
        uint16 current = registry.epochOf(controller);
        vm.assume(epoch < current);
        try registry.revokeAllSigned(controller, epoch, signature) {
            assert(registry.epochOf(controller) == current);
        } catch {
            assert(false);
        }
    }

    function check_revokeAllSigned_of_an_epoch_to_come_is_refused(
        address controller,
        uint16 epoch,
        bytes memory signature
    ) public {
        vm.assume(epoch > registry.epochOf(controller));
        (bool success,) =
            address(registry).call(abi.encodeCall(registry.revokeAllSigned, (controller, epoch, signature)));
        assert(!success);
    }

    function check_revokeAllSigned_touches_nobody_else(
        address controller,
        uint16 epoch,
        bytes memory signature,
        address other,
        ConsentId id
    ) public {
        vm.assume(controller != other);
        (Stored memory before, uint16 othersEpoch) = (storedOf(id), registry.epochOf(other));
        registry.revokeAllSigned(controller, epoch, signature);
        assert(registry.epochOf(other) == othersEpoch);
        assert(same(storedOf(id), before));
    }
}
