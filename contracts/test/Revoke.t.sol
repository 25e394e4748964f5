// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentId, ConsentState, IConsentRegistry, SignedConsent} from "../src/IConsentRegistry.sol";
import {ISigned} from "../src/ISigned.sol";
import {RegistryFixture} from "./RegistryFixture.sol";
import {vm} from "./Vm.sol";

contract RevokeTest is RegistryFixture {
    function test_revokeByTheController() public {
        ConsentId id = recorded();
        expectRevoked(id);
        vm.prank(controller);
        registry.revoke(id);
        assertEnded(id, NOW);
    }

    function test_revokeSignedByAnyone() public {
        ConsentId id = recorded();
        bytes memory signature = revocation(id);
        expectRevoked(id);
        vm.prank(RELAYER);
        registry.revokeSigned(id, signature);
        assertEnded(id, NOW);
    }

    function test_revokeWithPreimageAfterRecording() public {
        ConsentId id = recorded();
        vm.warp(NOW + 1 days);
        bytes memory signature = revocation(id);
        expectRevoked(id);
        vm.prank(RELAYER);
        registry.revokeWithPreimage(controller, 0, TERMS, UNTIL, signature);
        assertEnded(id, NOW);
    }

    function test_revokeWithPreimageByTheController() public {
        ConsentId id = recorded();
        expectRevoked(id);
        vm.prank(controller);
        registry.revokeWithPreimage(controller, 0, TERMS, UNTIL, "");
        assertEnded(id, NOW);
    }

    function test_revokeWithPreimageBeforeRecordingLeavesATombstone() public {
        ConsentId id = idIn(0);
        SignedConsent memory withheld = signedIn(0);
        bytes memory signature = revocation(id);
        expectRevoked(id);
        registry.revokeWithPreimage(controller, 0, TERMS, UNTIL, signature);
        assertEnded(id, 0);

        vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.ConsentEnded.selector, id));
        registry.recordSigned(withheld);
        assertEnded(id, 0);
    }

    function test_tombstoneByTheController() public {
        ConsentId id = idIn(0);
        expectRevoked(id);
        vm.prank(controller);
        registry.revokeWithPreimage(controller, 0, TERMS, UNTIL, "");
        assertEnded(id, 0);
    }

    function test_tombstoneOfAnyEpochAndEnd() public {
        uint16[3] memory epochs = [uint16(0), 9, LAST_EPOCH];
        uint40[3] memory ends = [uint40(0), NOW, type(uint40).max];
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(controller);
            registry.revokeWithPreimage(controller, epochs[i], TERMS, ends[i], "");
            ConsentId id = consentOf(domain(), controller, epochs[i], TERMS, ends[i]);
            assertState(id, ConsentState.Ended, "tombstone");
        }
    }

    function test_revokingAgainIsSuccessWithoutEvent() public {
        ConsentId id = recorded();
        bytes memory signature = revocation(id);
        registry.revokeSigned(id, signature);
        vm.recordLogs();
        registry.revokeSigned(id, signature);
        registry.revokeWithPreimage(controller, 0, TERMS, UNTIL, signature);
        vm.prank(controller);
        registry.revoke(id);
        assertSilent("a second event");
        assertEnded(id, NOW);
    }

    function test_revokingATombstoneByIdIsSuccessWithoutEvent() public {
        vm.prank(controller);
        registry.revokeWithPreimage(controller, 0, TERMS, UNTIL, "");
        ConsentId id = idIn(0);
        vm.recordLogs();
        registry.revokeSigned(id, revocation(id));
        vm.prank(controller);
        registry.revoke(id);
        assertSilent("a second event");
    }

    function test_whatHasExpiredCanStillBeRevoked() public {
        ConsentId id = recorded();
        vm.warp(UNTIL);
        expectRevoked(id);
        registry.revokeSigned(id, revocation(id));
        assertEnded(id, NOW);
    }

    function test_byIdNeedsARecordedConsent() public {
        ConsentId id = idIn(0);
        bytes memory signature = revocation(id);
        bytes memory refusal = abi.encodeWithSelector(IConsentRegistry.NotRecorded.selector, id);
        vm.expectRevert(refusal);
        registry.revokeSigned(id, signature);
        vm.expectRevert(refusal);
        vm.prank(controller);
        registry.revoke(id);
    }

    function test_nobodyElseRevokes() public {
        ConsentId id = recorded();
        vm.expectRevert(
            abi.encodeWithSelector(IConsentRegistry.NotController.selector, id, controller, RELAYER)
        );
        vm.prank(RELAYER);
        registry.revoke(id);
        assertState(id, ConsentState.Active, "state");
    }

    /// @dev A stranger can put stones only on names of their own: the name holds the controller.
    function testFuzz_nobodyElseLeavesATombstone(uint256 key, bytes32 termsHash, uint40 until) public {
        key = 1 + key % type(uint128).max;
        vm.assume(key != KEY);
        ConsentId id = consentOf(domain(), controller, 0, termsHash, until);
        bytes32 digest = revocationOf(domain(), id);
        bytes memory signature = signed(key, digest);
        vm.expectRevert(abi.encodeWithSelector(ISigned.BadSignature.selector, controller, digest));
        vm.prank(vm.addr(key));
        registry.revokeWithPreimage(controller, 0, termsHash, until, signature);
        assertState(id, ConsentState.None, "state");
    }

    function expectRevoked(ConsentId id) private {
        vm.expectEmit(address(registry));
        emit IConsentRegistry.Revoked(id, controller);
    }

    function assertEnded(ConsentId id, uint40 recordedAt) private view {
        (address who, uint40 until, uint40 storedAt, uint16 epoch) = registry.consentOf(id);
        assertState(id, ConsentState.Ended, "state");
        vm.assertEq(who, controller, "controller");
        vm.assertEq(until, 0, "until");
        vm.assertEq(storedAt, recordedAt, "recordedAt");
        vm.assertEq(epoch, 0, "epoch");
    }
}
