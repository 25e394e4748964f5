// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentId, ConsentState} from "../src/IConsentRegistry.sol";
import {vm} from "../test/Vm.sol";
import {AnyRegistry, Preimage, Stored} from "./AnyRegistry.sol";
import {both, either} from "./Logic.sol";

/// @dev Who can end a consent, and what is left of it.
contract RevokeProperties is AnyRegistry {
    function setUp() public override {
        super.setUp();
        deployWallet();
    }

    function check_revoke_succeeds_for_the_controller_and_nobody_else(ConsentId id, address sender) public {
        Stored memory before = storedOf(id);
        vm.assume(isSound(before));
        vm.assume(sender != address(0));
        vm.prank(sender);
        try registry.revoke(id) {
            assert(sender == before.controller);
            assert(same(storedOf(id), withoutUntil(before)));
            assert(registry.stateOf(id) == ConsentState.Ended);
        } catch {
            assert(sender != before.controller);
        }
    }

    function check_revoking_twice_is_revoking_once(ConsentId id, address sender) public {
        vm.prank(sender);
        registry.revoke(id);
        Stored memory once = storedOf(id);
        vm.assume(once.controller != address(0));
        vm.prank(sender);
        try registry.revoke(id) {
            assert(same(storedOf(id), once));
        } catch {
            assert(false);
        }
    }

    function check_revokeSigned_ends_only_what_its_controller_signed(ConsentId id, bytes memory signature)
        public
    {
        Stored memory before = storedOf(id);
        registry.revokeSigned(id, signature);
        assert(same(storedOf(id), withoutUntil(before)));
        assert(before.until == 0 || isSigned(revocationOf(domain, id), before.controller, signature));
    }

    function check_revokeSigned_takes_any_signature_once_revoked(ConsentId id, bytes memory signature)
        public
    {
        Stored memory before = storedOf(id);
        vm.assume(both(before.controller != address(0), before.until == 0));
        try registry.revokeSigned(id, signature) {
            assert(same(storedOf(id), before));
        } catch {
            assert(false);
        }
    }

    function check_the_key_is_enough_to_revoke(ConsentId id, bytes memory signature) public {
        Stored memory before = storedOf(id);
        vm.assume(isSignedByKey(revocationOf(domain, id), before.controller, signature));
        try registry.revokeSigned(id, signature) {
            assert(registry.stateOf(id) == ConsentState.Ended);
        } catch {
            assert(false);
        }
    }

    function check_nothing_that_is_unknown_is_revoked_by_id(
        ConsentId id,
        address sender,
        bytes memory signature
    ) public {
        vm.assume(isNothing(storedOf(id)));
        (bool signed,) = address(registry).call(abi.encodeCall(registry.revokeSigned, (id, signature)));
        vm.prank(sender);
        (bool called,) = address(registry).call(abi.encodeCall(registry.revoke, (id)));
        assert(!signed && !called);
    }

    function check_revokeWithPreimage_ends_what_its_controller_wants_ended(
        Preimage memory consent,
        bytes memory signature,
        address sender
    ) public {
        ConsentId id = idOf(consent);
        Stored memory before = soundlyStored(consent);
        bool isRevoked = both(!isNothing(before), before.until == 0);
        vm.assume(consent.controller != address(0));
        revokeWithPreimage(consent, signature, sender);
        assert(registry.stateOf(id) == ConsentState.Ended);
        assert(
            isRevoked || (sender == consent.controller && signature.length == 0)
                || isSigned(revocationOf(domain, id), consent.controller, signature)
        );
    }

    function check_the_controller_can_always_revoke_with_the_preimage(Preimage memory consent) public {
        vm.assume(consent.controller != address(0));
        soundlyStored(consent);
        vm.prank(consent.controller);
        try registry.revokeWithPreimage(
            consent.controller, consent.epoch, consent.termsHash, consent.until, ""
        ) {
            assert(registry.stateOf(idOf(consent)) == ConsentState.Ended);
        } catch {
            assert(false);
        }
    }

    function check_the_key_is_enough_to_revoke_with_the_preimage(
        Preimage memory consent,
        bytes memory signature,
        address sender
    ) public {
        ConsentId id = idOf(consent);
        soundlyStored(consent);
        vm.assume(isSignedByKey(revocationOf(domain, id), consent.controller, signature));
        vm.prank(sender);
        try registry.revokeWithPreimage(
            consent.controller, consent.epoch, consent.termsHash, consent.until, signature
        ) {
            assert(registry.stateOf(id) == ConsentState.Ended);
        } catch {
            assert(false);
        }
    }

    function check_a_tombstone_is_never_recorded(
        Preimage memory consent,
        bytes memory revocation,
        bytes memory signature
    ) public {
        ConsentId id = idOf(consent);
        vm.assume(consent.controller != address(0));
        vm.assume(isNothing(storedOf(id)));
        revokeWithPreimage(consent, revocation, consent.controller);
        (bool recorded,) =
            address(registry).call(abi.encodeCall(registry.recordSigned, (signedWith(consent, signature))));
        assert(!recorded);
        assert(same(storedOf(id), Stored(consent.controller, 0, 0, consent.epoch)));
    }

    function check_revoking_touches_no_other_consent_and_no_epoch(
        Preimage memory consent,
        bytes memory signature,
        address sender,
        ConsentId other,
        address controller
    ) public {
        vm.assume(ConsentId.unwrap(other) != ConsentId.unwrap(idOf(consent)));
        (Stored memory before, uint16 epoch) = (storedOf(other), registry.epochOf(controller));
        revokeWithPreimage(consent, signature, sender);
        assert(same(storedOf(other), before));
        assert(registry.epochOf(controller) == epoch);
    }

    function check_revoking_by_id_touches_no_other_consent_and_no_epoch(
        ConsentId id,
        bytes memory signature,
        ConsentId other,
        address controller
    ) public {
        vm.assume(ConsentId.unwrap(other) != ConsentId.unwrap(id));
        (Stored memory before, uint16 epoch) = (storedOf(other), registry.epochOf(controller));
        registry.revokeSigned(id, signature);
        assert(same(storedOf(other), before));
        assert(registry.epochOf(controller) == epoch);
    }

    function revokeWithPreimage(Preimage memory consent, bytes memory signature, address sender) private {
        vm.prank(sender);
        registry.revokeWithPreimage(
            consent.controller, consent.epoch, consent.termsHash, consent.until, signature
        );
    }

    function withoutUntil(Stored memory stored) private pure returns (Stored memory) {
        return Stored(stored.controller, 0, stored.recordedAt, stored.epoch);
    }
}
