// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentId, ConsentState, IConsentRegistry, SignedConsent} from "../src/IConsentRegistry.sol";
import {ISigned} from "../src/ISigned.sol";
import {RegistryModel} from "./RegistryModel.sol";
import {vm} from "./Vm.sol";

/// @dev Does to a registry what controllers, relayers, strangers and time can do, in any order. Each act must succeed
///      or fail as the model says, and for a reason that is true.
contract RegistryHandler is RegistryModel {
    constructor(IConsentRegistry registry) RegistryModel(registry) {}

    /// @dev Often to the very second in which consents end, or the one before.
    function pass(uint256 seed) external watched {
        uint256 roll = _roll(seed);
        uint256 end = START + 15 days - (roll >> 200 & 1);
        if (roll >> 201 & 1 == 1 && block.timestamp < end) vm.warp(end);
        else vm.warp(block.timestamp + roll % 8 days);
    }

    function record(uint256 seed) external watched {
        uint256 index = _pick(_roll(seed));
        SignedConsent memory consent = _consents[index];
        vm.prank(consent.controller);
        try REGISTRY.record(consent.epoch, consent.termsHash, consent.until) returns (ConsentId id) {
            _expect(ConsentId.unwrap(id) == ConsentId.unwrap(_ids[index]), "id");
            _recorded(index, "record");
        } catch (bytes memory reason) {
            _refused(index, reason);
        }
    }

    function recordSigned(uint256 seed) external watched {
        uint256 index = _pick(_roll(seed));
        try REGISTRY.recordSigned(_consents[index]) returns (ConsentId id) {
            _expect(ConsentId.unwrap(id) == ConsentId.unwrap(_ids[index]), "id");
            _recorded(index, "recordSigned");
        } catch (bytes memory reason) {
            _refused(index, reason);
        }
    }

    function recordBatch(uint256 seed) external watched {
        uint256 roll = _roll(seed);
        uint256[4] memory picks = [_pick(roll), _pick(roll >> 48), _pick(roll >> 96), _pick(roll >> 144)];
        SignedConsent[] memory batch = new SignedConsent[](picks.length);
        for (uint256 i = 0; i < picks.length; ++i) {
            batch[i] = _consents[picks[i]];
        }
        REGISTRY.recordBatch(batch);
        for (uint256 i = 0; i < picks.length; ++i) {
            if (_isRecordable(picks[i])) _recorded(picks[i], "recordBatch");
            else ++_skipsDue;
        }
    }

    function revoke(uint256 seed) external watched {
        uint256 index = _pick(_roll(seed));
        vm.prank(_consents[index].controller);
        try REGISTRY.revoke(_ids[index]) {
            _expect(_isKnown(index), "revoked by an unknown id");
            _revoked(index, "revoke");
        } catch (bytes memory reason) {
            _refused(index, reason);
        }
    }

    function revokeSigned(uint256 seed) external watched {
        uint256 index = _pick(_roll(seed));
        try REGISTRY.revokeSigned(_ids[index], _revocations[index]) {
            _expect(_isKnown(index), "revoked by an unknown id");
            _revoked(index, "revokeSigned");
        } catch (bytes memory reason) {
            _refused(index, reason);
        }
    }

    function revokeWithPreimage(uint256 seed) external watched {
        uint256 index = _pick(_roll(seed));
        _revokeWithPreimage(index, _revocations[index]);
        _revoked(index, _isRecorded(index) ? bytes32("revokeWithPreimage") : bytes32("tombstone"));
    }

    function revokeWithPreimageInPerson(uint256 seed) external watched {
        uint256 index = _pick(_roll(seed));
        vm.prank(_consents[index].controller);
        _revokeWithPreimage(index, "");
        _revoked(index, _isRecorded(index) ? bytes32("revokeInPerson") : bytes32("tombstoneInPerson"));
    }

    function revokeAll(uint256 seed) external watched {
        uint256 who = _ownerOf(_pick(_roll(seed)));
        vm.prank(_controllers[who]);
        REGISTRY.revokeAll();
        _revokedAll(who, "revokeAll");
    }

    function revokeAllSigned(uint256 seed) external watched {
        uint256 index = _pick(_roll(seed));
        SignedConsent memory consent = _consents[index];
        uint256 who = _ownerOf(index);
        bytes memory signature = _epochEnds[index / CONSENTS_PER_EPOCH];
        try REGISTRY.revokeAllSigned(consent.controller, consent.epoch, signature) {
            _expect(consent.epoch <= _epochs[who], "revokeAllSigned ahead of time");
            if (consent.epoch == _epochs[who]) _revokedAll(who, "revokeAllSigned");
            else _reach("revokeAllSigned again");
        } catch (bytes memory reason) {
            _expect(consent.epoch > _epochs[who], "revokeAllSigned refused");
            _expect(bytes4(reason) == IConsentRegistry.WrongEpoch.selector, "reason");
        }
    }

    /// @dev A stranger tries to act for a controller: in person, or with what somebody signed for something else.
    function trespass(uint256 seed) external watched {
        uint256 roll = _roll(seed);
        uint256 index = _pick(roll);
        SignedConsent memory consent = _consents[index];
        uint256 other = (index + 1 + (roll >> 200) % (CONSENTS - 1)) % CONSENTS;
        bytes memory call;
        uint256 way = (roll >> 232) % 5;
        consent.signature = _consents[other].signature;
        if (way == 0) call = abi.encodeCall(REGISTRY.recordSigned, (consent));
        if (way == 1) call = abi.encodeCall(REGISTRY.revoke, (_ids[index]));
        if (way == 2) call = abi.encodeCall(REGISTRY.revokeSigned, (_ids[index], _revocations[other]));
        if (way == 3) call = _withPreimage(index, (roll >> 240) % 2 == 0 ? bytes("") : _revocations[other]);
        if (way == 4) {
            call = abi.encodeCall(
                REGISTRY.revokeAllSigned, (consent.controller, consent.epoch, consent.signature)
            );
        }
        _concerned = 0;
        (bool success, bytes memory reason) = address(REGISTRY).call(call);
        if (success) return;
        bytes4 selector = bytes4(reason);
        bool isCaught =
            selector == ISigned.BadSignature.selector || selector == IConsentRegistry.NotController.selector;
        _expect(isCaught || _isTrue(selector, index), "reason");
        if (isCaught) _reach(selector);
    }

    /// @dev No function takes ether, and there is none that is called by sending it.
    function pay(uint256 seed) external watched {
        uint256 roll = _roll(seed);
        SignedConsent memory consent = _consents[_pick(roll)];
        bytes[5] memory calls = [
            bytes(""),
            abi.encodeCall(REGISTRY.recordSigned, (consent)),
            abi.encodeCall(REGISTRY.record, (consent.epoch, consent.termsHash, consent.until)),
            abi.encodeCall(REGISTRY.revokeAll, ()),
            abi.encode(roll)
        ];
        vm.deal(address(this), 1);
        (bool success,) = address(REGISTRY).call{value: 1}(calls[(roll >> 200) % calls.length]);
        _expect(!success, "took ether");
        _reach("pay");
    }

    function _revokeWithPreimage(uint256 index, bytes memory signature) private {
        SignedConsent memory consent = _consents[index];
        REGISTRY.revokeWithPreimage(
            consent.controller, consent.epoch, consent.termsHash, consent.until, signature
        );
    }

    function _withPreimage(uint256 index, bytes memory signature) private view returns (bytes memory) {
        SignedConsent memory consent = _consents[index];
        return abi.encodeCall(
            REGISTRY.revokeWithPreimage,
            (consent.controller, consent.epoch, consent.termsHash, consent.until, signature)
        );
    }

    function acts() external pure override returns (bytes4[] memory selectors) {
        bytes4[12] memory all = [
            this.pass.selector,
            this.record.selector,
            this.recordSigned.selector,
            this.recordBatch.selector,
            this.revoke.selector,
            this.revokeSigned.selector,
            this.revokeWithPreimage.selector,
            this.revokeWithPreimageInPerson.selector,
            this.revokeAll.selector,
            this.revokeAllSigned.selector,
            this.trespass.selector,
            this.pay.selector
        ];
        selectors = new bytes4[](all.length);
        for (uint256 i = 0; i < all.length; ++i) {
            selectors[i] = all[i];
        }
    }

    function reachable() external pure override returns (bytes32[] memory whats) {
        bytes32[26] memory all = [
            bytes32("record"),
            "recordSigned",
            "recordBatch",
            "recorded again",
            "revoke",
            "revokeSigned",
            "revokeWithPreimage",
            "revokeInPerson",
            "tombstone",
            "tombstoneInPerson",
            "revoked again",
            "revokeAll",
            "revokeAllSigned",
            "revokeAllSigned again",
            "revokeAll in the last epoch",
            "ended by time",
            "ended by epoch",
            "pay",
            IConsentRegistry.Expired.selector,
            IConsentRegistry.WrongEpoch.selector,
            IConsentRegistry.EpochIsTerminal.selector,
            IConsentRegistry.ConsentEnded.selector,
            IConsentRegistry.AlreadyRecorded.selector,
            IConsentRegistry.NotRecorded.selector,
            IConsentRegistry.NotController.selector,
            ISigned.BadSignature.selector
        ];
        whats = new bytes32[](all.length);
        for (uint256 i = 0; i < all.length; ++i) {
            whats[i] = all[i];
        }
    }
}
