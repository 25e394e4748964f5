// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentId, ConsentState, IConsentRegistry, SignedConsent} from "../src/IConsentRegistry.sol";
import {Typed} from "./Typed.sol";
import {Vm, vm} from "./Vm.sol";

/// @dev Does to a registry what controllers, relayers and time can do, in any order, and keeps a model beside it
///      that is written from the specification. Each act must succeed or fail as the model says.
contract RegistryHandler is Typed {
    struct Model {
        address controller;
        uint16 epoch;
        uint40 until;
        uint40 recordedAt;
        bool isRevoked;
        bool wasSeenEnded;
        uint256 recordings;
        uint256 revocations;
    }

    uint40 private constant START = 1_800_000_000;
    uint16 private constant LAST_EPOCH = type(uint16).max;
    uint256 public constant CONTROLLERS = 3;

    IConsentRegistry private immutable REGISTRY;

    address[CONTROLLERS] private _controllers;
    uint256 private _acts;
    ConsentId[] private _ids;
    mapping(ConsentId id => Model model) private _models;
    mapping(address controller => uint16 epoch) public epochOf;

    modifier act() {
        vm.recordLogs();
        _;
        _count(vm.getRecordedLogs());
        if (++_acts % 4 == 0) _observe();
    }

    /// @dev The last controller begins two epochs before its last, so that runs get there.
    constructor(IConsentRegistry registry) {
        REGISTRY = registry;
        vm.warp(START);
        for (uint256 i = 0; i < CONTROLLERS; ++i) {
            _controllers[i] = vm.addr(_keyAt(i));
        }
        address last = controllerAt(CONTROLLERS - 1);
        epochOf[last] = LAST_EPOCH - 2;
        vm.store(address(registry), keccak256(abi.encode(last, 3)), bytes32(uint256(LAST_EPOCH - 2)));
    }

    function pass(uint32 time) external act {
        vm.warp(block.timestamp + time % 10 days);
    }

    function record(uint256 seed) external act {
        SignedConsent memory consent = _pick(seed);
        consent.epoch = epochOf[consent.controller];
        ConsentId id = _meet(consent);
        vm.prank(consent.controller);
        try REGISTRY.record(consent.termsHash, consent.until) {
            _succeeded(id);
        } catch {
            _failed(id);
        }
    }

    function recordSigned(uint256 seed) external act {
        SignedConsent memory consent = _pick(seed);
        ConsentId id = _meet(consent);
        try REGISTRY.recordSigned(consent) {
            _succeeded(id);
        } catch {
            _failed(id);
        }
    }

    function recordBatch(uint256[4] calldata seeds) external act {
        SignedConsent[] memory batch = new SignedConsent[](seeds.length);
        for (uint256 i = 0; i < seeds.length; ++i) {
            batch[i] = _pick(seeds[i]);
        }
        REGISTRY.recordBatch(batch);
        for (uint256 i = 0; i < seeds.length; ++i) {
            ConsentId id = _meet(batch[i]);
            if (_isRecordable(id)) _succeeded(id);
        }
    }

    function revoke(uint256 seed) external act {
        SignedConsent memory consent = _pick(seed);
        ConsentId id = _meet(consent);
        vm.prank(consent.controller);
        try REGISTRY.revoke(id) {
            _revoke(id);
        } catch {
            vm.assertFalse(_isKnown(id), "revoke refused");
        }
    }

    function revokeSigned(uint256 seed) external act {
        ConsentId id = _meet(_pick(seed));
        bytes memory signature = signed(_keyAt(seed), revocationOf(_domain(), id));
        try REGISTRY.revokeSigned(id, signature) {
            _revoke(id);
        } catch {
            vm.assertFalse(_isKnown(id), "revokeSigned refused");
        }
    }

    function revokeWithPreimage(uint256 seed) external act {
        SignedConsent memory consent = _pick(seed);
        ConsentId id = _meet(consent);
        bytes memory signature = signed(_keyAt(seed), revocationOf(_domain(), id));
        REGISTRY.revokeWithPreimage(
            consent.controller, consent.epoch, consent.termsHash, consent.until, signature
        );
        _models[id].isRevoked = true;
    }

    function revokeAll(uint256 seed) external act {
        address controller = controllerAt(seed);
        vm.prank(controller);
        REGISTRY.revokeAll();
        _revokeAll(controller);
    }

    function revokeAllSigned(uint256 seed) external act {
        SignedConsent memory consent = _pick(seed);
        (address controller, uint16 epoch) = (consent.controller, consent.epoch);
        bytes memory signature = signed(_keyAt(seed), revokeAllOf(_domain(), controller, epoch));
        try REGISTRY.revokeAllSigned(controller, epoch, signature) {
            vm.assertTrue(epoch <= epochOf[controller], "revokeAllSigned ahead of time");
            if (epoch == epochOf[controller]) _revokeAll(controller);
        } catch {
            vm.assertTrue(epoch > epochOf[controller], "revokeAllSigned refused");
        }
    }

    function ids() external view returns (ConsentId[] memory) {
        return _ids;
    }

    function modelOf(ConsentId id) external view returns (Model memory) {
        return _models[id];
    }

    function stateOf(ConsentId id) public view returns (ConsentState) {
        if (!_isKnown(id)) return ConsentState.None;
        Model memory model = _models[id];
        bool isActive = !model.isRevoked && block.timestamp < model.until && _isOfCurrentEpoch(model);
        return isActive ? ConsentState.Active : ConsentState.Ended;
    }

    function controllerAt(uint256 seed) public view returns (address) {
        return _controllers[seed % CONTROLLERS];
    }

    /// @dev The outcome of asking for a consent to be recorded was success: afterwards it is active.
    function _succeeded(ConsentId id) private {
        if (_isRecordable(id)) _models[id].recordedAt = uint40(block.timestamp);
        vm.assertTrue(stateOf(id) == ConsentState.Active, "recorded what cannot be");
    }

    function _failed(ConsentId id) private view {
        vm.assertFalse(_isRecordable(id) || stateOf(id) == ConsentState.Active, "refused what is fine");
    }

    function _revoke(ConsentId id) private {
        vm.assertTrue(_isKnown(id), "revoked by an unknown id");
        _models[id].isRevoked = true;
    }

    function _revokeAll(address controller) private {
        if (epochOf[controller] == LAST_EPOCH) return;
        ++epochOf[controller];
    }

    /// @dev Counts the events of an act, by consent.
    function _count(Vm.Log[] memory logs) private {
        for (uint256 i = 0; i < logs.length; ++i) {
            ConsentId id = ConsentId.wrap(logs[i].topics[1]);
            if (logs[i].topics[0] == IConsentRegistry.Recorded.selector) ++_models[id].recordings;
            else if (logs[i].topics[0] == IConsentRegistry.Revoked.selector) ++_models[id].revocations;
        }
    }

    /// @dev Remembers which consents the registry calls ended. Looking at all of them each time would be slow.
    function _observe() private {
        for (uint256 i = 0; i < _ids.length; ++i) {
            if (REGISTRY.stateOf(_ids[i]) == ConsentState.Ended) _models[_ids[i]].wasSeenEnded = true;
        }
    }

    function _meet(SignedConsent memory consent) private returns (ConsentId id) {
        id = consentOf(_domain(), consent.controller, consent.epoch, consent.termsHash, consent.until);
        Model storage model = _models[id];
        if (model.controller != address(0)) return id;
        (model.controller, model.epoch, model.until) = (consent.controller, consent.epoch, consent.until);
        _ids.push(id);
    }

    /// @dev One of few consents, so that acts meet: of the controller's epoch, a bygone one or the next.
    function _pick(uint256 seed) private view returns (SignedConsent memory consent) {
        uint16 current = epochOf[controllerAt(seed)];
        uint40[3] memory ends = [START + 20 days, START + 90 days, type(uint40).max];
        consent.controller = controllerAt(seed);
        consent.termsHash = keccak256(abi.encode(seed >> 8 & 1));
        consent.until = ends[(seed >> 16) % ends.length];
        consent.epoch = current;
        uint256 shift = (seed >> 24) % 8;
        if (shift == 0 && current > 0) consent.epoch = current - 1;
        if (shift == 1 && current < LAST_EPOCH) consent.epoch = current + 1;
        ConsentId id =
            consentOf(_domain(), consent.controller, consent.epoch, consent.termsHash, consent.until);
        consent.signature = signed(_keyAt(seed), ConsentId.unwrap(id));
    }

    function _isKnown(ConsentId id) private view returns (bool) {
        return _models[id].recordedAt != 0 || _models[id].isRevoked;
    }

    function _isRecordable(ConsentId id) private view returns (bool) {
        Model memory model = _models[id];
        bool isLast = model.epoch == LAST_EPOCH;
        return !_isKnown(id) && block.timestamp < model.until && _isOfCurrentEpoch(model) && !isLast;
    }

    function _isOfCurrentEpoch(Model memory model) private view returns (bool) {
        return model.epoch == epochOf[model.controller];
    }

    function _domain() private view returns (bytes32) {
        return domainOf("Consent Ledger", address(REGISTRY));
    }

    function _keyAt(uint256 seed) private pure returns (uint256) {
        return uint256(keccak256(abi.encode("controller", seed % CONTROLLERS)));
    }
}
