// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentId, ConsentState, IConsentRegistry, SignedConsent} from "../src/IConsentRegistry.sol";
import {ISigned} from "../src/ISigned.sol";
import {RegistryFixture} from "./RegistryFixture.sol";
import {vm} from "./Vm.sol";

contract RevokeAllTest is RegistryFixture {
    function test_revokeAllByTheControllerEndsAll() public {
        ConsentId one = recorded();
        ConsentId other = registry.recordSigned(signedBy(KEY, 0, keccak256("other terms"), UNTIL));
        ConsentId strangers = registry.recordSigned(signedBy(KEY + 1, 0, TERMS, UNTIL));
        expectRevokedAll(1);
        vm.prank(controller);
        registry.revokeAll();
        vm.assertEq(registry.epochOf(controller), 1, "epoch");
        assertState(one, ConsentState.Ended, "one");
        assertState(other, ConsentState.Ended, "other");
        assertState(strangers, ConsentState.Active, "a stranger's");
    }

    function test_revokeAllSignedByAnyone() public {
        ConsentId id = recorded();
        bytes memory signature = revokeAllSignature(0);
        expectRevokedAll(1);
        vm.prank(RELAYER);
        registry.revokeAllSigned(controller, 0, signature);
        assertState(id, ConsentState.Ended, "state");
    }

    /// @dev The words alone stop a consent whose preimage is lost: the controller is derived, its epoch is 0.
    function test_aWithheldConsentCannotBeRecordedAfterwards() public {
        SignedConsent memory withheld = signedIn(0);
        registry.revokeAllSigned(controller, 0, revokeAllSignature(0));
        vm.expectRevert(
            abi.encodeWithSelector(IConsentRegistry.WrongEpoch.selector, controller, uint16(0), uint16(1))
        );
        registry.recordSigned(withheld);
        assertState(idIn(0), ConsentState.None, "state");
    }

    function test_relayingAgainIsSuccessWithoutEffect() public {
        bytes memory signature = revokeAllSignature(0);
        registry.revokeAllSigned(controller, 0, signature);
        ConsentId id = registry.recordSigned(signedIn(1));
        vm.recordLogs();
        registry.revokeAllSigned(controller, 0, signature);
        assertSilent("a second event");
        assertState(id, ConsentState.Active, "of the next epoch");
    }

    function test_refuseAnEpochThatHasNotCome() public {
        bytes memory signature = revokeAllSignature(1);
        vm.expectRevert(
            abi.encodeWithSelector(IConsentRegistry.WrongEpoch.selector, controller, uint16(1), uint16(0))
        );
        registry.revokeAllSigned(controller, 1, signature);
    }

    function test_nobodyElseRevokesAll() public {
        ConsentId id = recorded();
        vm.prank(RELAYER);
        registry.revokeAll();
        assertState(id, ConsentState.Active, "state");
    }

    function test_whatItEndedStaysEndedInEveryLaterEpoch() public {
        ConsentId id = recorded();
        for (uint16 epoch = 0; epoch < 5; ++epoch) {
            vm.prank(controller);
            registry.revokeAll();
            assertState(id, ConsentState.Ended, "state");
        }
    }

    function test_whatItEndedCanStillBeRevokedByName() public {
        ConsentId id = recorded();
        vm.prank(controller);
        registry.revokeAll();
        vm.expectEmit(address(registry));
        emit IConsentRegistry.Revoked(id, controller);
        registry.revokeSigned(id, revocation(id));
    }

    function test_theLastEpochIsReachedAndNeverLeft() public {
        setEpoch(controller, LAST_EPOCH - 1);
        ConsentId id = registry.recordSigned(signedIn(LAST_EPOCH - 1));
        expectRevokedAll(LAST_EPOCH);
        vm.prank(controller);
        registry.revokeAll();
        assertState(id, ConsentState.Ended, "state");

        vm.recordLogs();
        vm.prank(controller);
        registry.revokeAll();
        registry.revokeAllSigned(controller, LAST_EPOCH, revokeAllSignature(LAST_EPOCH));
        assertSilent("an event in the last epoch");
        vm.assertEq(registry.epochOf(controller), LAST_EPOCH, "epoch");
    }

    /// @dev Though a good one does nothing there.
    function test_aBadSignatureIsRefusedInTheLastEpochToo() public {
        setEpoch(controller, LAST_EPOCH);
        bytes32 digest = revokeAllOf(domain(), controller, LAST_EPOCH);
        bytes memory signature = signed(KEY + 1, digest);
        vm.expectRevert(abi.encodeWithSelector(ISigned.BadSignature.selector, controller, digest));
        registry.revokeAllSigned(controller, LAST_EPOCH, signature);
    }

    function testFuzz_eachEpochIsRevokedOnce(uint16 current, uint16 epoch) public {
        setEpoch(controller, current);
        bytes memory signature = revokeAllSignature(epoch);
        if (epoch > current) {
            vm.expectRevert(
                abi.encodeWithSelector(IConsentRegistry.WrongEpoch.selector, controller, epoch, current)
            );
        }
        registry.revokeAllSigned(controller, epoch, signature);
        bool acts = epoch == current && current != LAST_EPOCH;
        vm.assertEq(registry.epochOf(controller), acts ? current + 1 : current, "epoch");
    }

    function expectRevokedAll(uint16 newEpoch) private {
        vm.expectEmit(address(registry));
        emit IConsentRegistry.RevokedAll(controller, newEpoch);
    }
}
