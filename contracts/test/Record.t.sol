// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";

import {ConsentId, ConsentState, IConsentRegistry, SignedConsent} from "../src/IConsentRegistry.sol";
import {RegistryFixture} from "./RegistryFixture.sol";
import {vm} from "./Vm.sol";

contract RecordTest is RegistryFixture {
    function test_recordByTheControllerMakesItActive() public {
        ConsentId id = idIn(0);
        vm.expectEmit(address(registry));
        emit IConsentRegistry.Recorded(id, controller, 0, UNTIL);
        vm.prank(controller);
        ConsentId returned = registry.record(0, TERMS, UNTIL);

        vm.assertEq(ConsentId.unwrap(returned), ConsentId.unwrap(id), "id");
        assertState(id, ConsentState.Active, "state");
        assertStored(id, controller, UNTIL, NOW, 0);
    }

    function test_recordSignedByAnyoneMakesItActive() public {
        ConsentId id = idIn(0);
        SignedConsent memory consent = signedIn(0);
        vm.expectEmit(address(registry));
        emit IConsentRegistry.Recorded(id, controller, 0, UNTIL);
        vm.prank(RELAYER);
        ConsentId returned = registry.recordSigned(consent);

        vm.assertEq(ConsentId.unwrap(returned), ConsentId.unwrap(id), "id");
        assertState(id, ConsentState.Active, "state");
        assertStored(id, controller, UNTIL, NOW, 0);
    }

    function test_recordingAgainIsSuccessWithoutEventOrEffect() public {
        ConsentId id = recorded();
        vm.warp(NOW + 1 days);
        vm.recordLogs();
        registry.recordSigned(signedIn(0));
        vm.prank(controller);
        registry.record(0, TERMS, UNTIL);
        assertSilent("a second event");
        assertStored(id, controller, UNTIL, NOW, 0);
    }

    function test_recordInTheCurrentEpoch() public {
        setEpoch(controller, 7);
        vm.prank(controller);
        ConsentId id = registry.record(7, TERMS, UNTIL);
        vm.assertEq(ConsentId.unwrap(id), ConsentId.unwrap(idIn(7)), "id");
        assertState(id, ConsentState.Active, "state");
    }

    function test_recordInTheEpochBeforeTheLast() public {
        setEpoch(controller, LAST_EPOCH - 1);
        ConsentId id = registry.recordSigned(signedIn(LAST_EPOCH - 1));
        assertState(id, ConsentState.Active, "state");
    }

    function test_refuseTheLastEpoch() public {
        setEpoch(controller, LAST_EPOCH);
        SignedConsent memory consent = signedIn(LAST_EPOCH);
        bytes memory refusal = abi.encodeWithSelector(IConsentRegistry.EpochIsTerminal.selector, controller);
        vm.expectRevert(refusal);
        registry.recordSigned(consent);
        vm.expectRevert(refusal);
        vm.prank(controller);
        registry.record(LAST_EPOCH, TERMS, UNTIL);
    }

    /// @dev Of two reasons that hold, the one that no new signature mends.
    function test_theLastEpochIsSaidBeforeTheWrongOne() public {
        SignedConsent memory consent = signedIn(LAST_EPOCH);
        vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.EpochIsTerminal.selector, controller));
        registry.recordSigned(consent);
        SignedConsent[] memory batch = new SignedConsent[](1);
        batch[0] = consent;
        vm.expectEmit(address(registry));
        emit IConsentRegistry.Skipped(0, idIn(LAST_EPOCH), IConsentRegistry.EpochIsTerminal.selector);
        registry.recordBatch(batch);
    }

    /// @dev The transaction of a recording, sent again after a reorganisation put a stop of everything before it.
    function test_theSameTransactionRecordsNothingInALaterEpoch() public {
        vm.prank(controller);
        registry.revokeAll();
        vm.expectRevert(
            abi.encodeWithSelector(IConsentRegistry.WrongEpoch.selector, controller, uint16(0), uint16(1))
        );
        vm.prank(controller);
        registry.record(0, TERMS, UNTIL);
    }

    function test_refuseAnEpochThatIsOverOrHasNotCome() public {
        setEpoch(controller, 5);
        refuseEpoch(4);
        refuseEpoch(6);
    }

    function test_refuseAnEndThatIsNotLater() public {
        refuseUntil(0);
        refuseUntil(NOW - 1);
        refuseUntil(NOW);
        ConsentId id = registry.recordSigned(signedBy(KEY, 0, TERMS, NOW + 1));
        assertState(id, ConsentState.Active, "one second is enough");
    }

    function test_refuseWhatWasRevoked() public {
        ConsentId id = recorded();
        registry.revokeSigned(id, revocation(id));
        SignedConsent memory consent = signedIn(0);
        bytes memory refusal = abi.encodeWithSelector(IConsentRegistry.ConsentEnded.selector, id);
        vm.expectRevert(refusal);
        registry.recordSigned(consent);
        vm.expectRevert(refusal);
        vm.prank(controller);
        registry.record(0, TERMS, UNTIL);
    }

    function test_untilIsExclusive() public {
        ConsentId id = recorded();
        vm.warp(UNTIL - 1);
        assertState(id, ConsentState.Active, "the last second");
        vm.warp(UNTIL);
        assertState(id, ConsentState.Ended, "the end");
    }

    function test_withoutEndItLasts() public {
        uint40 never = type(uint40).max;
        ConsentId id = registry.recordSigned(signedBy(KEY, 0, TERMS, never));
        vm.warp(never - 1);
        assertState(id, ConsentState.Active, "36,812 years later");
    }

    function test_nothingIsKnownOfAnUnrecordedConsent() public view {
        ConsentId id = idIn(0);
        assertState(id, ConsentState.None, "state");
        assertStored(id, address(0), 0, 0, 0);
    }

    function test_consentsOfOneControllerAreIndependent() public {
        ConsentId one = recorded();
        ConsentId other = registry.recordSigned(signedBy(KEY, 0, keccak256("other terms"), UNTIL));
        registry.revokeSigned(one, revocation(one));
        assertState(one, ConsentState.Ended, "revoked");
        assertState(other, ConsentState.Active, "not revoked");
    }

    function test_domainIsPublished() public view {
        (, string memory name, string memory version, uint256 chainId, address verifyingContract,,) =
            IERC5267(address(registry)).eip712Domain();
        vm.assertEq(name, "Consent Ledger", "name");
        vm.assertEq(version, "1", "version");
        vm.assertEq(chainId, block.chainid, "chain id");
        vm.assertEq(verifyingContract, address(registry), "verifying contract");
    }

    function testFuzz_idIsTheDigestThatIsSigned(
        address who,
        uint16 epoch,
        bytes32 termsHash,
        uint40 until,
        uint64 chainId
    ) public {
        vm.assume(chainId != 0);
        vm.chainId(chainId);
        ConsentId expected = consentOf(domain(), who, epoch, termsHash, until);
        ConsentId id = registry.consentIdOf(who, epoch, termsHash, until);
        vm.assertEq(ConsentId.unwrap(id), ConsentId.unwrap(expected), "id");
    }

    function testFuzz_storesExactlyWhatWasSigned(
        uint256 key,
        uint16 epoch,
        bytes32 termsHash,
        uint40 until,
        uint40 time
    ) public {
        key = 1 + key % type(uint128).max;
        vm.assume(time < until && epoch != LAST_EPOCH);
        vm.warp(time);
        setEpoch(vm.addr(key), epoch);
        ConsentId id = registry.recordSigned(signedBy(key, epoch, termsHash, until));
        assertStored(id, vm.addr(key), until, time, epoch);
        assertState(id, ConsentState.Active, "state");
    }

    function refuseEpoch(uint16 epoch) private {
        SignedConsent memory consent = signedIn(epoch);
        vm.expectRevert(
            abi.encodeWithSelector(IConsentRegistry.WrongEpoch.selector, controller, epoch, uint16(5))
        );
        registry.recordSigned(consent);
    }

    function refuseUntil(uint40 until) private {
        SignedConsent memory consent = signedBy(KEY, 0, TERMS, until);
        ConsentId id = consentOf(domain(), controller, 0, TERMS, until);
        bytes memory refusal = abi.encodeWithSelector(IConsentRegistry.Expired.selector, id, until);
        vm.expectRevert(refusal);
        registry.recordSigned(consent);
        vm.expectRevert(refusal);
        vm.prank(controller);
        registry.record(0, TERMS, until);
    }

    function assertStored(ConsentId id, address who, uint40 until, uint40 recordedAt, uint16 epoch)
        private
        view
    {
        (address storedWho, uint40 storedUntil, uint40 storedAt, uint16 storedEpoch) = registry.consentOf(id);
        vm.assertEq(storedWho, who, "controller");
        vm.assertEq(storedUntil, until, "until");
        vm.assertEq(storedAt, recordedAt, "recordedAt");
        vm.assertEq(storedEpoch, epoch, "epoch");
    }
}
