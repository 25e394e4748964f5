// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";

import {IParticipantDirectory} from "../src/IParticipantDirectory.sol";
import {ISigned} from "../src/ISigned.sol";
import {DirectoryModel} from "./DirectoryModel.sol";
import {vm} from "./Vm.sol";

/// @dev Does to a directory what owners, accreditors, participants, relayers and strangers can do, in any order. Each
///      act must succeed or fail as the model says, and for a reason that is true.
contract DirectoryHandler is DirectoryModel {
    constructor(IParticipantDirectory directory, address owner) DirectoryModel(directory, owner) {}

    function admit(uint256 seed) external watched {
        uint256 roll = _roll(seed);
        uint256 who = _pick(roll);
        (uint8 roles, bytes32 profile) = (uint8(roll >> 32) % 9, bytes32(roll >> 40 & 1));
        try DIRECTORY.admit(_participants[who], roles, profile) {
            _expect(_mayAccredit() && roles > 0 && roles < 8 && !_models[who].suspended, "admitted");
            (_models[who].roles, _models[who].profile) = (roles, profile);
            _reach("admit");
        } catch (bytes memory reason) {
            _refused(reason, who);
            if (bytes4(reason) == IParticipantDirectory.BadRoles.selector) {
                _expect(roles == 0 || roles > 7, "refused good roles");
            }
        }
    }

    function suspend(uint256 seed) external watched {
        uint256 who = _pick(_roll(seed));
        try DIRECTORY.suspend(_participants[who]) {
            _expect(_mayAccredit() && _models[who].roles > 0, "suspended");
            _reach(_models[who].suspended ? bytes32("suspended again") : bytes32("suspend"));
            _models[who].suspended = true;
        } catch (bytes memory reason) {
            _refused(reason, who);
        }
    }

    function reinstate(uint256 seed) external watched {
        uint256 who = _pick(_roll(seed));
        try DIRECTORY.reinstate(_participants[who]) {
            _expect(_mayAccredit() && _models[who].roles > 0, "reinstated");
            _reach(_models[who].suspended ? bytes32("reinstate") : bytes32("reinstated again"));
            _models[who].suspended = false;
        } catch (bytes memory reason) {
            _refused(reason, who);
        }
    }

    function setKey(uint256 seed) external watched {
        uint256 roll = _roll(seed);
        uint256 who = roll % PARTICIPANTS;
        (bytes32 key, uint32 version) = _keyFrom(roll);
        _act(_participants[who]);
        try DIRECTORY.setKey(key, version) {
            _published(who, key, version, "setKey");
        } catch (bytes memory reason) {
            _refusedKey(reason, who, key, version);
        }
    }

    function setKeySigned(uint256 seed) external watched {
        uint256 roll = _roll(seed);
        uint256 who = roll % PARTICIPANTS;
        (bytes32 key, uint32 version) = _keyFrom(roll);
        if (key == 0 || version == 0) return;
        _signer = _participants[who];
        bytes memory signature = _signatures[_place(who, key, version)];
        try DIRECTORY.setKeySigned(_participants[who], key, version, signature) {
            _published(who, key, version, "setKeySigned");
        } catch (bytes memory reason) {
            _refusedKey(reason, who, key, version);
        }
    }

    /// @dev What one participant signed is no good for another, nor for another key.
    function forgeKey(uint256 seed) external watched {
        uint256 roll = _roll(seed);
        uint256 who = roll % PARTICIPANTS;
        uint32 version = 1 + uint32(roll >> 48) % (VERSIONS - 1);
        bytes memory signature = _signatures[_place((who + 1) % PARTICIPANTS, bytes32(uint256(1)), version)];
        if (roll >> 32 & 1 == 1) signature = _signatures[_place(who, bytes32(uint256(2)), version)];
        try DIRECTORY.setKeySigned(_participants[who], bytes32(uint256(1)), version, signature) {
            bool isCurrent = _models[who].key == bytes32(uint256(1)) && _models[who].version == version;
            _expect(isCurrent && !_models[who].suspended, "forged");
        } catch (bytes memory reason) {
            if (bytes4(reason) == ISigned.BadSignature.selector) _reach(ISigned.BadSignature.selector);
            else _refusedKey(reason, who, bytes32(uint256(1)), version);
        }
    }

    function grantRole(uint256 seed) external watched {
        uint256 roll = _roll(seed);
        (bytes32 role, uint256 to) = _roleFrom(roll);
        _act(_people[(roll >> 16) % PEOPLE]);
        try IAccessControl(address(DIRECTORY)).grantRole(role, _people[to]) {
            _expect(isOwner[_actor], "granted by who owns nothing");
            _hold(role, to, true);
            _reach(role == 0 ? bytes32("owner named") : bytes32("accreditor named"));
        } catch (bytes memory reason) {
            _refused(reason, 0);
        }
    }

    /// @dev Rarely, and no owner: a directory in which nobody may do anything shows little.
    function revokeRole(uint256 seed) external watched {
        uint256 roll = _roll(seed);
        if (roll >> 48 & 3 > 0) return;
        (, uint256 from) = _roleFrom(roll);
        _act(_people[(roll >> 16) % PEOPLE]);
        try IAccessControl(address(DIRECTORY)).revokeRole(ACCREDITOR, _people[from]) {
            _expect(isOwner[_actor], "dismissed by who owns nothing");
            _hold(ACCREDITOR, from, false);
            _reach("accreditor dismissed");
        } catch (bytes memory reason) {
            _refused(reason, 0);
        }
    }

    /// @dev No function takes ether, and there is none that is called by sending it.
    function pay(uint256 seed) external watched {
        uint256 roll = _roll(seed);
        bytes memory call = roll % 2 == 0 ? bytes("") : abi.encodeCall(DIRECTORY.setKey, (bytes32(roll), 1));
        vm.deal(_participants[0], 1);
        _act(_participants[0]);
        (bool success,) = address(DIRECTORY).call{value: 1}(call);
        _expect(!success, "took ether");
        _reach("pay");
    }

    function acts() external pure override returns (bytes4[] memory selectors) {
        selectors = new bytes4[](9);
        selectors[0] = this.admit.selector;
        selectors[1] = this.suspend.selector;
        selectors[2] = this.reinstate.selector;
        selectors[3] = this.setKey.selector;
        selectors[4] = this.setKeySigned.selector;
        selectors[5] = this.forgeKey.selector;
        selectors[6] = this.grantRole.selector;
        selectors[7] = this.revokeRole.selector;
        selectors[8] = this.pay.selector;
    }

    function reachable() external pure override returns (bytes32[] memory whats) {
        bytes32[19] memory all = [
            bytes32("admit"),
            "suspend",
            "suspended again",
            "reinstate",
            "reinstated again",
            "setKey",
            "setKeySigned",
            "published again",
            "owner named",
            "accreditor named",
            "accreditor dismissed",
            "pay",
            IParticipantDirectory.BadRoles.selector,
            IParticipantDirectory.NotAdmitted.selector,
            IParticipantDirectory.Suspended.selector,
            IParticipantDirectory.ZeroKey.selector,
            IParticipantDirectory.StaleKeyVersion.selector,
            ISigned.BadSignature.selector,
            IAccessControl.AccessControlUnauthorizedAccount.selector
        ];
        whats = new bytes32[](all.length);
        for (uint256 i = 0; i < all.length; ++i) {
            whats[i] = all[i];
        }
    }
}
