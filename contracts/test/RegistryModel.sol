// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentId, ConsentState, IConsentRegistry, SignedConsent} from "../src/IConsentRegistry.sol";
import {Handler} from "./Campaign.sol";
import {SignedBook} from "./SignedBook.sol";
import {Vm, vm} from "./Vm.sol";

/// @dev What a registry ought to be, written from the specification, beside one that is watched act by act.
abstract contract RegistryModel is Handler, SignedBook {
    struct Consent {
        address controller;
        uint16 epoch;
        uint40 until;
        uint40 recordedAt;
        bool isRevoked;
        bool wasSeenEnded;
        uint8 recordings;
        uint8 revocations;
    }

    IConsentRegistry internal immutable REGISTRY;

    Consent[] private _models;
    uint16[] internal _epochs;
    uint16[] private _seenEpochs;

    /// @dev Controllers that have a part in the current act, a bit each, and items of a batch still to be skipped.
    uint256 internal _concerned;
    uint256 internal _skipsDue;

    /// @notice How many events named no change of storage, or changes of storage had no event.
    uint256 public unmatched;

    /// @notice How many events were about a controller that had no part in the act.
    uint256 public trespasses;

    /// @notice How often an epoch went back, or on by more than one in one act.
    uint256 public leaps;

    modifier watched() {
        _concerned = 0;
        vm.recordLogs();
        vm.record();
        _;
        _compareEventsWithStorage();
        _observe();
    }

    constructor(IConsentRegistry registry) {
        REGISTRY = registry;
        vm.warp(START);
        _write(registry);
        for (uint256 who = 0; who < CONTROLLERS; ++who) {
            _epochs.push(_firstEpoch(who));
            _seenEpochs.push(_firstEpoch(who));
        }
        for (uint256 index = 0; index < CONSENTS; ++index) {
            SignedConsent memory consent = _consents[index];
            _models.push(Consent(consent.controller, consent.epoch, consent.until, 0, false, false, 0, 0));
        }
    }

    function ids() external view returns (ConsentId[] memory) {
        return _ids;
    }

    function models() external view returns (Consent[] memory) {
        return _models;
    }

    function states() external view returns (ConsentState[] memory expected) {
        expected = new ConsentState[](CONSENTS);
        for (uint256 index = 0; index < CONSENTS; ++index) {
            expected[index] = _stateAt(index);
        }
    }

    function epochs() external view returns (address[] memory controllers, uint16[] memory current) {
        return (_controllers, _epochs);
    }

    function _stateAt(uint256 index) internal view returns (ConsentState) {
        if (!_isKnown(index)) return ConsentState.None;
        bool isActive = !_models[index].isRevoked && !_isPast(index) && _isOfCurrentEpoch(index);
        return isActive ? ConsentState.Active : ConsentState.Ended;
    }

    /// @dev Somebody asked for a consent to be recorded, and the outcome was success: it is active.
    function _recorded(uint256 index, bytes32 how) internal {
        _reach(_isKnown(index) ? bytes32("recorded again") : how);
        if (_isRecordable(index)) _models[index].recordedAt = uint40(block.timestamp);
        _expect(_stateAt(index) == ConsentState.Active, "recorded what cannot be");
    }

    function _revoked(uint256 index, bytes32 how) internal {
        _reach(_models[index].isRevoked ? bytes32("revoked again") : how);
        _models[index].isRevoked = true;
    }

    function _revokedAll(uint256 who, bytes32 how) internal {
        if (_epochs[who] < LAST_EPOCH) {
            ++_epochs[who];
            _reach(how);
        } else {
            _reach("revokeAll in the last epoch");
        }
    }

    function _refused(uint256 index, bytes memory reason) internal {
        _expect(_isTrue(bytes4(reason), index), "refused for no good reason");
        _reach(bytes4(reason));
    }

    /// @dev Whether an error says something true about a consent.
    function _isTrue(bytes4 reason, uint256 index) internal view returns (bool) {
        if (reason == IConsentRegistry.Expired.selector) return _isPast(index);
        if (reason == IConsentRegistry.WrongEpoch.selector) return !_isOfCurrentEpoch(index);
        if (reason == IConsentRegistry.EpochIsTerminal.selector) return _isOfLastEpoch(index);
        if (reason == IConsentRegistry.ConsentEnded.selector) return _models[index].isRevoked;
        if (reason == IConsentRegistry.NotRecorded.selector) return !_isKnown(index);
        if (reason == IConsentRegistry.AlreadyRecorded.selector) {
            return _stateAt(index) == ConsentState.Active;
        }
        return false;
    }

    /// @dev A consent, more often than not of its controller's current epoch; its controller has a part in the act.
    function _pick(uint256 roll) internal returns (uint256 index) {
        index = uint48(roll) % CONSENTS;
        uint256 who = _ownerOf(index);
        _concerned |= 1 << who;
        uint256 offset = _epochs[who] - _firstEpoch(who);
        if (uint48(roll) >> 40 < 96 || offset >= EPOCHS) return index;
        return (who * EPOCHS + offset) * CONSENTS_PER_EPOCH + index % CONSENTS_PER_EPOCH;
    }

    function _isKnown(uint256 index) internal view returns (bool) {
        return _isRecorded(index) || _models[index].isRevoked;
    }

    function _isRecorded(uint256 index) internal view returns (bool) {
        return _models[index].recordedAt > 0;
    }

    function _isRecordable(uint256 index) internal view returns (bool) {
        return !_isKnown(index) && !_isPast(index) && _isOfCurrentEpoch(index) && !_isOfLastEpoch(index);
    }

    function _isOfCurrentEpoch(uint256 index) internal view returns (bool) {
        return _models[index].epoch == _epochs[_ownerOf(index)];
    }

    function _isOfLastEpoch(uint256 index) private view returns (bool) {
        return _models[index].epoch == LAST_EPOCH;
    }

    function _isPast(uint256 index) private view returns (bool) {
        return block.timestamp >= _models[index].until;
    }

    /// @dev One by one, the events of an act name what it wrote.
    function _compareEventsWithStorage() private {
        (, bytes32[] memory writes) = vm.accesses(address(REGISTRY));
        vm.stopRecord();
        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256 effects = 0;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == IConsentRegistry.Skipped.selector) {
                _skipped(logs[i]);
                continue;
            }
            bytes32 slot = _slotOf(logs[i]);
            if (effects == writes.length || writes[effects] != slot) ++unmatched;
            else ++effects;
        }
        unmatched += writes.length - effects;
        _expect(_skipsDue == 0, "an item neither recorded nor skipped");
    }

    /// @dev The storage that an event is about. Counts it, and looks whether it should have happened in this act.
    function _slotOf(Vm.Log memory log) private returns (bytes32) {
        if (log.topics[0] == IConsentRegistry.RevokedAll.selector) {
            address controller = address(uint160(uint256(log.topics[1])));
            _expectPart(controller);
            return _epochSlot(controller);
        }
        ConsentId id = ConsentId.wrap(log.topics[1]);
        Consent storage model = _models[_places[id] - 1];
        if (log.topics[0] == IConsentRegistry.Recorded.selector) ++model.recordings;
        if (log.topics[0] == IConsentRegistry.Revoked.selector) ++model.revocations;
        _expect(log.topics[2] == bytes32(uint256(uint160(model.controller))), "controller of an event");
        _expectPart(model.controller);
        return _entrySlot(id);
    }

    function _expectPart(address controller) private {
        for (uint256 who = 0; who < CONTROLLERS; ++who) {
            if (_concerned >> who & 1 == 1 && _controllers[who] == controller) return;
        }
        ++trespasses;
    }

    function _skipped(Vm.Log memory log) private {
        (ConsentId id, bytes4 reason) = abi.decode(log.data, (ConsentId, bytes4));
        _refused(_places[id] - 1, bytes.concat(reason));
        --_skipsDue;
    }

    /// @dev Looks at all epochs, and in turn at the consents of one epoch.
    function _observe() private {
        for (uint256 who = 0; who < CONTROLLERS; ++who) {
            uint16 epoch = REGISTRY.epochOf(_controllers[who]);
            uint16 before = _seenEpochs[who];
            if (epoch == before) continue;
            if (epoch < before || epoch > before + 1) ++leaps;
            _seenEpochs[who] = epoch;
        }
        uint256 first = _actsSoFar() % (CONTROLLERS * EPOCHS) * CONSENTS_PER_EPOCH;
        for (uint256 index = first; index < first + CONSENTS_PER_EPOCH; ++index) {
            if (REGISTRY.stateOf(_ids[index]) != ConsentState.Ended || _models[index].wasSeenEnded) continue;
            _models[index].wasSeenEnded = true;
            if (_models[index].isRevoked) continue;
            _reach(_isPast(index) ? bytes32("ended by time") : bytes32("ended by epoch"));
        }
    }
}
