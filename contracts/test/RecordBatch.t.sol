// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentId, ConsentState, IConsentRegistry, SignedConsent} from "../src/IConsentRegistry.sol";
import {ISigned} from "../src/ISigned.sol";
import {RegistryFixture} from "./RegistryFixture.sol";
import {vm} from "./Vm.sol";
import {BurningWallet} from "./Wallets.sol";

contract RecordBatchTest is RegistryFixture {
    function test_recordsAll() public {
        SignedConsent[] memory batch = batchOf(5);
        vm.prank(RELAYER);
        registry.recordBatch(batch);
        for (uint256 i = 0; i < batch.length; ++i) {
            assertState(idOf(batch[i]), ConsentState.Active, "state");
        }
    }

    function test_anEmptyBatchIsFine() public {
        vm.recordLogs();
        registry.recordBatch(new SignedConsent[](0));
        assertSilent("an event");
    }

    function test_skipsWhatIsRecorded() public {
        SignedConsent[] memory batch = batchOf(3);
        registry.recordSigned(batch[1]);
        recordAllBut(1, batch, IConsentRegistry.AlreadyRecorded.selector);
        assertState(idOf(batch[1]), ConsentState.Active, "still");
    }

    function test_skipsTheSecondOfTwoEqualItems() public {
        SignedConsent[] memory batch = batchOf(3);
        batch[2] = batch[0];
        recordAllBut(2, batch, IConsentRegistry.AlreadyRecorded.selector);
    }

    function test_skipsWhatWasRevoked() public {
        SignedConsent[] memory batch = batchOf(3);
        batch[0] = signedIn(0);
        ConsentId id = recorded();
        registry.revokeSigned(id, revocation(id));
        recordAllBut(0, batch, IConsentRegistry.ConsentEnded.selector);
        assertState(id, ConsentState.Ended, "still");
    }

    function test_skipsWhatHasExpired() public {
        SignedConsent[] memory batch = batchOf(3);
        batch[1] = signedBy(KEY, 0, TERMS, NOW);
        recordAllBut(1, batch, IConsentRegistry.Expired.selector);
    }

    function test_skipsAnotherEpoch() public {
        SignedConsent[] memory batch = batchOf(3);
        batch[1] = signedIn(1);
        recordAllBut(1, batch, IConsentRegistry.WrongEpoch.selector);
    }

    function test_skipsTheLastEpoch() public {
        SignedConsent[] memory batch = batchOf(3);
        batch[1] = signedIn(LAST_EPOCH);
        setEpoch(controller, LAST_EPOCH);
        recordAllBut(1, batch, IConsentRegistry.EpochIsTerminal.selector);
    }

    function test_skipsABadSignature() public {
        SignedConsent[] memory batch = batchOf(3);
        batch[1].until += 1;
        recordAllBut(1, batch, ISigned.BadSignature.selector);
        assertState(idOf(batch[1]), ConsentState.None, "not recorded");
    }

    function test_skipsAWalletThatBurnsItsGas() public {
        SignedConsent[] memory batch = batchOf(3);
        batch[1].controller = address(new BurningWallet());
        recordAllBut(1, batch, ISigned.BadSignature.selector);
    }

    /// @dev Whatever is bad about some items, exactly the good ones are recorded.
    function testFuzz_theGoodOnesAreRecorded(uint256 badness) public {
        SignedConsent[] memory batch = batchOf(6);
        for (uint256 i = 0; i < batch.length; ++i) {
            spoil(batch[i], badness >> 8 * i & 3);
        }
        registry.recordBatch(batch);
        for (uint256 i = 0; i < batch.length; ++i) {
            bool isGood = badness >> 8 * i & 3 == 0;
            assertState(idOf(batch[i]), isGood ? ConsentState.Active : ConsentState.None, "state");
        }
    }

    function spoil(SignedConsent memory consent, uint256 how) private pure {
        if (how == 1) consent.signature[0] ^= 0x01;
        else if (how == 2) consent.epoch = 1;
        else if (how == 3) consent.until = NOW;
    }

    /// @dev Consents of as many different controllers.
    function batchOf(uint256 size) private view returns (SignedConsent[] memory batch) {
        batch = new SignedConsent[](size);
        for (uint256 i = 0; i < size; ++i) {
            batch[i] = signedBy(KEY + 1 + i, 0, TERMS, UNTIL);
        }
    }

    function recordAllBut(uint256 index, SignedConsent[] memory batch, bytes4 reason) private {
        for (uint256 i = 0; i < batch.length; ++i) {
            ConsentId id = idOf(batch[i]);
            vm.expectEmit(address(registry));
            if (i == index) emit IConsentRegistry.Skipped(i, id, reason);
            else emit IConsentRegistry.Recorded(id, batch[i].controller, batch[i].epoch, batch[i].until);
        }
        registry.recordBatch(batch);
    }

    function idOf(SignedConsent memory consent) private view returns (ConsentId) {
        return consentOf(domain(), consent.controller, consent.epoch, consent.termsHash, consent.until);
    }
}
