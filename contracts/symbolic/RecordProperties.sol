// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentId, ConsentState, IConsentRegistry, SignedConsent} from "../src/IConsentRegistry.sol";
import {vm} from "../test/Vm.sol";
import {AnyRegistry, Preimage, Stored} from "./AnyRegistry.sol";
import {both, either} from "./Logic.sol";

/// @dev What recording a consent takes, and what it does.
contract RecordProperties is AnyRegistry {
    function setUp() public override {
        super.setUp();
        deployWallet();
    }

    function check_an_id_is_the_eip712_digest_of_its_consent(Preimage memory consent) public view {
        assert(ConsentId.unwrap(nameOf(consent)) == ConsentId.unwrap(idOf(consent)));
    }

    function check_an_id_names_one_consent(Preimage memory one, Preimage memory other) public view {
        bool isSame = both(
            both(one.controller == other.controller, one.epoch == other.epoch),
            both(one.termsHash == other.termsHash, one.until == other.until)
        );
        vm.assume(!isSame);
        assert(ConsentId.unwrap(nameOf(one)) != ConsentId.unwrap(nameOf(other)));
    }

    function check_record_succeeds_exactly_when_nothing_stands_against_it(Preimage memory consent) public {
        Stored memory before = soundlyStored(consent);
        bool isCurrent = consent.epoch == registry.epochOf(consent.controller);
        bool inTime = both(consent.until > block.timestamp, consent.epoch != LAST_EPOCH);
        bool isPossible = both(both(isCurrent, inTime), either(isNothing(before), before.until != 0));
        vm.prank(consent.controller);
        try registry.record(consent.epoch, consent.termsHash, consent.until) returns (ConsentId id) {
            assert(isPossible);
            assert(ConsentId.unwrap(id) == ConsentId.unwrap(idOf(consent)));
            assert(registry.stateOf(id) == ConsentState.Active);
        } catch {
            assert(!isPossible);
        }
    }

    function check_record_of_another_epoch_is_refused(Preimage memory consent) public {
        vm.assume(consent.epoch != registry.epochOf(consent.controller));
        bool inTime = both(consent.until > block.timestamp, consent.epoch != LAST_EPOCH);
        vm.prank(consent.controller);
        try registry.record(consent.epoch, consent.termsHash, consent.until) {
            assert(false);
        } catch (bytes memory reason) {
            assert((bytes4(reason) == IConsentRegistry.WrongEpoch.selector) == inTime);
        }
    }

    function check_record_makes_nothing_of_another_epoch_active(
        Preimage memory consent,
        address sender,
        uint16 epoch,
        bytes32 termsHash,
        uint40 until
    ) public {
        vm.assume(consent.epoch != registry.epochOf(consent.controller));
        soundlyStored(consent);
        vm.prank(sender);
        registry.record(epoch, termsHash, until);
        assert(registry.stateOf(idOf(consent)) != ConsentState.Active);
    }

    function check_what_was_recorded_is_stored_whole(Preimage memory consent) public {
        vm.assume(isNothing(storedOf(idOf(consent))));
        vm.prank(consent.controller);
        ConsentId id = registry.record(consent.epoch, consent.termsHash, consent.until);
        Stored memory whole =
            Stored(consent.controller, consent.until, uint40(block.timestamp), consent.epoch);
        assert(same(storedOf(id), whole));
    }

    function check_recording_once_more_changes_nothing(Preimage memory consent, bytes memory signature)
        public
    {
        Stored memory before = soundlyStored(consent);
        vm.assume(before.until != 0);
        registry.recordSigned(signedWith(consent, signature));
        assert(same(storedOf(idOf(consent)), before));
    }

    function check_recordSigned_records_only_what_its_controller_signed(
        Preimage memory consent,
        bytes memory signature
    ) public {
        ConsentId id = idOf(consent);
        vm.assume(isNothing(storedOf(id)));
        registry.recordSigned(signedWith(consent, signature));
        assert(isSigned(ConsentId.unwrap(id), consent.controller, signature));
    }

    /// @custom:halmos --default-bytes-lengths 65
    function check_a_batch_records_only_what_its_controllers_signed(
        Preimage memory one,
        Preimage memory other,
        bytes memory first,
        bytes memory second
    ) public {
        ConsentId id = idOf(other);
        vm.assume(ConsentId.unwrap(id) != ConsentId.unwrap(idOf(one)));
        vm.assume(both(one.controller != address(wallet), other.controller != address(wallet)));
        vm.assume(isNothing(storedOf(id)));
        SignedConsent[] memory batch = new SignedConsent[](2);
        batch[0] = signedWith(one, first);
        batch[1] = signedWith(other, second);
        registry.recordBatch(batch);
        assert(isNothing(storedOf(id)) || isSignedByKey(ConsentId.unwrap(id), other.controller, second));
    }

    function check_the_key_is_enough_to_record(Preimage memory consent, bytes memory signature) public {
        Stored memory before = soundlyStored(consent);
        vm.assume(both(isNothing(before), consent.until > block.timestamp));
        vm.assume(both(consent.epoch == registry.epochOf(consent.controller), consent.epoch != LAST_EPOCH));
        ConsentId id = idOf(consent);
        vm.assume(isSignedByKey(ConsentId.unwrap(id), consent.controller, signature));
        try registry.recordSigned(signedWith(consent, signature)) {
            assert(registry.stateOf(id) == ConsentState.Active);
        } catch {
            assert(false);
        }
    }

    function check_a_batch_does_with_each_what_recordSigned_would(
        Preimage memory consent,
        bytes memory signature
    ) public {
        vm.assume(consent.controller != address(wallet));
        SignedConsent[] memory batch = new SignedConsent[](1);
        batch[0] = signedWith(consent, signature);
        (bool recordable, Stored memory expected) = foreseen(batch[0]);
        try registry.recordBatch(batch) {
            assert(same(storedOf(idOf(consent)), expected));
        } catch {
            assert(!recordable);
        }
    }

    function check_recordSigned_touches_no_other_consent_and_no_epoch(
        Preimage memory consent,
        bytes memory signature,
        ConsentId other,
        address controller
    ) public {
        vm.assume(ConsentId.unwrap(other) != ConsentId.unwrap(idOf(consent)));
        (Stored memory before, uint16 epoch) = (storedOf(other), registry.epochOf(controller));
        registry.recordSigned(signedWith(consent, signature));
        assert(same(storedOf(other), before));
        assert(registry.epochOf(controller) == epoch);
    }

    function check_record_touches_no_other_consent_and_no_epoch(
        Preimage memory consent,
        ConsentId other,
        address controller
    ) public {
        vm.assume(ConsentId.unwrap(other) != ConsentId.unwrap(idOf(consent)));
        (Stored memory before, uint16 epoch) = (storedOf(other), registry.epochOf(controller));
        vm.prank(consent.controller);
        registry.record(consent.epoch, consent.termsHash, consent.until);
        assert(same(storedOf(other), before));
        assert(registry.epochOf(controller) == epoch);
    }

    function nameOf(Preimage memory consent) private view returns (ConsentId) {
        return registry.consentIdOf(consent.controller, consent.epoch, consent.termsHash, consent.until);
    }

    /// @dev Whether `recordSigned` would succeed now, and what would be stored then; it is undone.
    function foreseen(SignedConsent memory consent) private returns (bool success, Stored memory stored) {
        try this.recordAndUndo(consent) {}
        catch (bytes memory outcome) {
            (success, stored) = abi.decode(outcome, (bool, Stored));
        }
    }

    function recordAndUndo(SignedConsent calldata consent) external {
        ConsentId id = consentOf(domain, consent.controller, consent.epoch, consent.termsHash, consent.until);
        (bool success,) = address(registry).call(abi.encodeCall(registry.recordSigned, (consent)));
        bytes memory outcome = abi.encode(success, storedOf(id));
        // revert(outcome), which Solidity knows only with an error's selector in front.
        assembly {
            revert(add(outcome, 0x20), mload(outcome))
        }
    }
}
