// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentId, ConsentState, IConsentRegistry, SignedConsent} from "../src/IConsentRegistry.sol";
import {SignedBook} from "./SignedBook.sol";
import {vm} from "./Vm.sol";

/// @dev Nothing that is relayed late, again, out of order or by the wrong people revives a consent that was stopped,
///      or keeps one from being stopped; not even where the chain itself takes back what had happened.
contract StaleGrantsTest is SignedBook {
    /// @dev One state of the chain that a reorganisation can go back to, and which consents had ended in it.
    struct Head {
        uint256 snapshot;
        uint256 time;
        uint256 ended;
    }

    uint256 private constant STEPS = 24;

    IConsentRegistry private _registry;

    function setUp() external {
        vm.warp(START);
        _registry = IConsentRegistry(vm.deployCode("ConsentRegistry.sol:ConsentRegistry"));
        _write(_registry);
    }

    /// @dev Between reorganisations, whatever is sent, what ended stays ended. A run is a sequence of `STEPS` acts.
    /// forge-config: ci.fuzz.runs = 2000
    function testFuzz_whatEndedNeverBecomesActiveAgain(uint256 seed) external {
        Head[] memory heads = new Head[](STEPS);
        uint256 ended = 0;
        for (uint256 step = 0; step < STEPS; ++step) {
            heads[step] = Head(vm.snapshotState(), block.timestamp, ended);
            seed = uint256(keccak256(abi.encode(seed)));
            if (seed % 8 == 0) ended = reorganise(heads[(seed >> 8) % (step + 1)], seed >> 16);
            else if (seed % 8 == 1) vm.warp(block.timestamp + (seed >> 8) % 6 days);
            else sendAnything(seed >> 8);
            ended = stillEnded(ended);
        }
    }

    /// @dev A stop that was reorganised away works again at once, whether or not the consent has been relayed again,
    ///      whatever else was sent in between; and from then on nothing helps the consent.
    function testFuzz_aStopSentAgainAfterAReorganisationWorksAtOnce(uint256 seed) external {
        uint256 index = seed % CONSENTS;
        bool isWholeEpoch = seed >> 8 & 1 == 1;
        if (isWholeEpoch) index = inFirstEpoch(index);
        Head memory head = Head(vm.snapshotState(), block.timestamp, 0);
        reachEpochOf(index);
        if (seed >> 9 & 1 == 1) head = Head(vm.snapshotState(), block.timestamp, 0);
        sendStop(index, isWholeEpoch);
        reorganise(head, seed >> 16);
        for (uint256 step = 0; step < seed >> 48 & 7; ++step) {
            seed = uint256(keccak256(abi.encode(seed)));
            sendAnything(seed);
        }
        bool isRelayedAgain = tryToRecord(index, seed >> 56);

        sendStop(index, isWholeEpoch);

        assertStopped(index);
        if (isRelayedAgain) vm.assertTrue(stateOf(index) == ConsentState.Ended, "ended");
        for (uint256 step = 0; step < 4; ++step) {
            seed = uint256(keccak256(abi.encode(seed)));
            sendAnything(seed);
            assertStopped(index);
        }
    }

    /// @dev Any of the stops, in any order, succeed and have the same effect.
    /// forge-config: ci.fuzz.runs = 2000
    function testFuzz_noStopWaitsForAnother(uint256 seed) external {
        for (uint256 step = 0; step < 8; ++step) {
            seed = uint256(keccak256(abi.encode(seed)));
            tryToRecord((seed >> 8) % CONSENTS, seed);
        }
        bytes[] memory stops = new bytes[](2 + (seed >> 16) % 7);
        for (uint256 i = 0; i < stops.length; ++i) {
            stops[i] = stopFrom(uint256(keccak256(abi.encode(seed, i))));
        }
        uint256 start = vm.snapshotState();
        bytes32 expected = effectOf(stops);
        vm.revertToState(start);
        for (uint256 i = stops.length - 1; i > 0; --i) {
            uint256 j = uint256(keccak256(abi.encode(seed, "shuffle", i))) % (i + 1);
            (stops[i], stops[j]) = (stops[j], stops[i]);
        }
        vm.assertEq(effectOf(stops), expected, "another order, another effect");
    }

    /// @dev Of a lost consent one knows the controller, derived from the words, and that its epoch is 0; no more.
    function testFuzz_theWordsAloneStopALostConsent(uint128 secret, bytes32 terms, uint40 until, uint8 how)
        external
    {
        uint256 key = 1 + uint256(secret);
        address controller = vm.addr(key);
        until = until > START ? until : START + 1;
        bytes32 domain = domainOf("Consent Ledger", address(_registry));
        ConsentId id = consentOf(domain, controller, 0, terms, until);
        SignedConsent memory lost =
            SignedConsent(controller, 0, terms, until, signed(key, ConsentId.unwrap(id)));
        bool isRecorded = how & 1 == 1;
        if (isRecorded) _registry.recordSigned(lost);

        if (how & 2 == 0) vm.prank(controller);
        if (how & 2 == 0) _registry.revokeAll();
        else _registry.revokeAllSigned(controller, 0, signed(key, revokeAllOf(domain, controller, 0)));

        ConsentState expected = isRecorded ? ConsentState.Ended : ConsentState.None;
        vm.assertTrue(_registry.stateOf(id) == expected, "after the stop");
        assertUnrecordable(lost, id, IConsentRegistry.WrongEpoch.selector);
        vm.assertTrue(_registry.stateOf(id) == expected, "after all attempts");
    }

    /// @dev A consent that somebody withholds is dead as soon as its revocation, or its epoch's end, is on chain.
    function testFuzz_whatIsStoppedBeforeItIsRecordedNeverIs(uint256 seed) external {
        uint256 index = seed % CONSENTS;
        bool isWholeEpoch = seed >> 8 & 1 == 1;
        reachEpochOf(index);
        bool isTerminal = _consents[index].epoch == LAST_EPOCH;
        bytes4 reason = IConsentRegistry.ConsentEnded.selector;
        if (isWholeEpoch) reason = IConsentRegistry.WrongEpoch.selector;
        if (isTerminal) reason = IConsentRegistry.EpochIsTerminal.selector;

        sendStop(index, isWholeEpoch);

        assertUnrecordable(_consents[index], _ids[index], reason);
        assertStopped(index);
    }

    /// @dev Anyone sends anything of the book, or a controller acts in person; what is refused, is.
    function sendAnything(uint256 seed) private {
        uint256 index = seed % CONSENTS;
        uint256 way = (seed >> 8) % 8;
        if (way < 3) tryToRecord(index, seed >> 16);
        else if (way == 3) sendStop(index, false);
        else if (way == 4) actInPerson(index, revocationWithPreimage(index, ""));
        else if (way == 5) actInPerson(index, abi.encodeCall(_registry.revoke, (_ids[index])));
        else if (way == 6) call(epochEnd(index));
        else if (seed >> 16 & 1 == 1) call(revocation(index));
        else actInPerson(index, abi.encodeCall(_registry.revokeAll, ()));
    }

    /// @dev A stop by name takes effect, with nothing asked of the chain; one of a whole epoch if it has begun.
    function sendStop(uint256 index, bool isWholeEpoch) private {
        bytes memory stop =
            isWholeEpoch ? epochEnd(index) : revocationWithPreimage(index, _revocations[index]);
        vm.assertTrue(call(stop), "a stop was refused");
    }

    /// @dev Whether the consent is active after it was sent alone, in a batch or by its controller.
    function tryToRecord(uint256 index, uint256 way) private returns (bool) {
        SignedConsent[] memory batch = new SignedConsent[](1);
        batch[0] = _consents[index];
        if (way % 3 == 0) call(abi.encodeCall(_registry.recordSigned, (batch[0])));
        else if (way % 3 == 1) _registry.recordBatch(batch);
        else actInPerson(index, inPerson(batch[0]));
        return stateOf(index) == ConsentState.Active;
    }

    /// @dev Back to an earlier state. Time there is later than that state's, not always later than the state's left.
    function reorganise(Head memory head, uint256 seed) private returns (uint256 ended) {
        vm.assertTrue(vm.revertToState(head.snapshot), "no such state");
        vm.warp(head.time + seed % 2 days);
        return head.ended;
    }

    /// @dev Which consents have ended, a bit each: all those in `before`, and perhaps more.
    function stillEnded(uint256 before) private view returns (uint256 ended) {
        for (uint256 index = 0; index < CONSENTS; ++index) {
            if (stateOf(index) == ConsentState.Ended) ended |= 1 << index;
            else vm.assertTrue(before >> index & 1 == 0, "revived");
        }
    }

    /// @dev Sends all of `stops`, and answers what the registry says then.
    function effectOf(bytes[] memory stops) private returns (bytes32 effect) {
        for (uint256 i = 0; i < stops.length; ++i) {
            vm.assertTrue(call(stops[i]), "a stop waits for something");
        }
        for (uint256 index = 0; index < CONSENTS; ++index) {
            (, uint40 until, uint40 recordedAt,) = _registry.consentOf(_ids[index]);
            uint16 epoch = _registry.epochOf(_consents[index].controller);
            effect = keccak256(abi.encode(effect, stateOf(index), until, recordedAt, epoch));
        }
    }

    /// @dev Some stop that can be sent now: of an epoch that has begun, by name, or by id of what is recorded.
    function stopFrom(uint256 seed) private view returns (bytes memory) {
        uint256 index = (seed >> 8) % CONSENTS;
        if (seed % 3 == 0) return epochEnd(inFirstEpoch(index));
        if (seed % 3 == 1 && stateOf(index) != ConsentState.None) return revocation(index);
        return revocationWithPreimage(index, _revocations[index]);
    }

    function epochEnd(uint256 index) private view returns (bytes memory) {
        SignedConsent memory consent = _consents[index];
        bytes memory signature = _epochEnds[index / CONSENTS_PER_EPOCH];
        return abi.encodeCall(_registry.revokeAllSigned, (consent.controller, consent.epoch, signature));
    }

    function revocation(uint256 index) private view returns (bytes memory) {
        return abi.encodeCall(_registry.revokeSigned, (_ids[index], _revocations[index]));
    }

    function revocationWithPreimage(uint256 index, bytes memory signature)
        private
        view
        returns (bytes memory)
    {
        SignedConsent memory consent = _consents[index];
        return abi.encodeCall(
            _registry.revokeWithPreimage,
            (consent.controller, consent.epoch, consent.termsHash, consent.until, signature)
        );
    }

    function actInPerson(uint256 index, bytes memory act) private {
        vm.prank(_consents[index].controller);
        call(act);
    }

    function call(bytes memory act) private returns (bool success) {
        (success,) = address(_registry).call(act);
    }

    /// @dev Goes on to the epoch that a consent was signed for.
    function reachEpochOf(uint256 index) private {
        SignedConsent memory consent = _consents[index];
        for (uint256 epoch = _firstEpoch(_ownerOf(index)); epoch < consent.epoch; ++epoch) {
            actInPerson(index, abi.encodeCall(_registry.revokeAll, ()));
        }
        vm.assertEq(_registry.epochOf(consent.controller), consent.epoch, "epoch");
    }

    function assertStopped(uint256 index) private {
        for (uint256 way = 0; way < 3; ++way) {
            vm.assertFalse(tryToRecord(index, way), "revived");
        }
    }

    function assertUnrecordable(SignedConsent memory consent, ConsentId id, bytes4 reason) private {
        (bool success, bytes memory refusal) =
            address(_registry).call(abi.encodeCall(_registry.recordSigned, (consent)));
        vm.assertFalse(success, "recorded");
        vm.assertEq(bytes4(refusal), reason, "reason alone");

        SignedConsent[] memory batch = new SignedConsent[](1);
        batch[0] = consent;
        vm.expectEmit(address(_registry));
        emit IConsentRegistry.Skipped(0, id, reason);
        _registry.recordBatch(batch);

        vm.prank(consent.controller);
        (success, refusal) = address(_registry).call(inPerson(consent));
        vm.assertFalse(success, "recorded in person");
        vm.assertEq(bytes4(refusal), reason, "reason in person");
    }

    function inPerson(SignedConsent memory consent) private view returns (bytes memory) {
        return abi.encodeCall(_registry.record, (consent.epoch, consent.termsHash, consent.until));
    }

    function stateOf(uint256 index) private view returns (ConsentState) {
        return _registry.stateOf(_ids[index]);
    }

    function inFirstEpoch(uint256 index) private pure returns (uint256) {
        return _ownerOf(index) * EPOCHS * CONSENTS_PER_EPOCH + index % CONSENTS_PER_EPOCH;
    }
}
