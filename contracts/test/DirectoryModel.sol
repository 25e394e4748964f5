// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";

import {IParticipantDirectory} from "../src/IParticipantDirectory.sol";
import {Handler} from "./Campaign.sol";
import {Typed} from "./Typed.sol";
import {Vm, vm} from "./Vm.sol";
import {OwnedWallet} from "./Wallets.sol";

/// @dev What a directory ought to be, written from the specification, beside one that is watched act by act. The last
///      participant is a wallet. Keys are the hashes 1 and 2; what can be signed is signed beforehand.
abstract contract DirectoryModel is Handler, Typed {
    struct Participant {
        uint8 roles;
        bool suspended;
        bytes32 profile;
        bytes32 key;
        uint32 version;
    }

    uint256 internal constant PARTICIPANTS = 3;
    uint256 internal constant PEOPLE = 5;
    uint32 internal constant VERSIONS = 8;
    bytes32 internal constant ACCREDITOR = keccak256("ACCREDITOR_ROLE");

    IParticipantDirectory internal immutable DIRECTORY;

    address[] internal _participants;
    address[] internal _people;
    bytes[] internal _signatures;
    Participant[] internal _models;
    Participant[] private _seen;

    mapping(address account => bool) public isOwner;
    mapping(address account => bool) public isAccreditor;

    /// @dev Who calls in the current act, whether as an accreditor or an owner, and who signed what is relayed.
    address internal _actor;
    address internal _signer;
    bool private _actsAsAccreditor;
    bool private _actsAsOwner;

    /// @notice How many acts wrote without an event, or something else than the participant of their event.
    uint256 public unmatched;

    /// @notice How many events somebody brought about who may not.
    uint256 public usurpations;

    /// @notice How often a version went back, or came to stand for another key.
    uint256 public keyRegressions;

    /// @notice How often something of a participant changed that was suspended before and after.
    uint256 public changesOfSuspended;

    modifier watched() {
        _signer = address(0);
        _act(address(0));
        vm.recordLogs();
        vm.record();
        _;
        _compareEventsWithStorage();
        _observe();
    }

    constructor(IParticipantDirectory directory, address owner) {
        DIRECTORY = directory;
        isOwner[owner] = true;
        bytes32 domain = domainOf("Consent Ledger Directory", address(directory));
        for (uint256 who = 0; who < PARTICIPANTS; ++who) {
            uint256 secret = uint256(keccak256(abi.encode("participant", who)));
            address account = vm.addr(secret);
            if (who == PARTICIPANTS - 1) account = address(new OwnedWallet(account, 0));
            _participants.push(account);
            _models.push();
            _seen.push();
            for (uint256 key = 1; key <= 2; ++key) {
                for (uint32 version = 1; version < VERSIONS; ++version) {
                    bytes32 digest = encryptionKeyOf(domain, account, bytes32(key), version);
                    _signatures.push(signed(secret, digest));
                }
            }
        }
        _people = [owner, address(0xACC1), address(0xACC2), _participants[0], address(0x57)];
        vm.prank(owner);
        IAccessControl(address(directory)).grantRole(ACCREDITOR, _people[1]);
        isAccreditor[_people[1]] = true;
    }

    function participants() external view returns (address[] memory accounts, Participant[] memory models) {
        return (_participants, _models);
    }

    function people() external view returns (address[] memory) {
        return _people;
    }

    /// @dev The next call is made by `account`; what it may do is what it might before.
    function _act(address account) internal {
        _actor = account;
        (_actsAsAccreditor, _actsAsOwner) = (isAccreditor[account], isOwner[account]);
        if (account != address(0)) vm.prank(account);
    }

    /// @dev A participant, and somebody who acts upon it: an accreditor more often than not, if there is one.
    function _pick(uint256 roll) internal returns (uint256 who) {
        uint256 person = (roll >> 16) % PEOPLE;
        for (uint256 i = 0; i < PEOPLE && roll >> 24 & 3 > 0 && !isAccreditor[_people[person]]; ++i) {
            person = (person + 1) % PEOPLE;
        }
        _act(_people[person]);
        return roll % PARTICIPANTS;
    }

    /// @dev A key and a version, among them those that nobody may have.
    function _keyFrom(uint256 roll) internal pure returns (bytes32 key, uint32 version) {
        return (bytes32((roll >> 32) % 3), uint32(roll >> 64) % VERSIONS);
    }

    function _roleFrom(uint256 roll) internal pure returns (bytes32 role, uint256 person) {
        return ((roll >> 32) % 4 == 0 ? bytes32(0) : ACCREDITOR, (roll >> 40) % PEOPLE);
    }

    /// @dev Where the signature over a key is kept.
    function _place(uint256 who, bytes32 key, uint32 version) internal pure returns (uint256) {
        return (who * 2 + uint256(key) - 1) * (VERSIONS - 1) + version - 1;
    }

    function _mayAccredit() internal view returns (bool) {
        return isAccreditor[_actor];
    }

    function _hold(bytes32 role, uint256 person, bool held) internal {
        if (role == 0) isOwner[_people[person]] = held;
        else isAccreditor[_people[person]] = held;
    }

    function _published(uint256 who, bytes32 key, uint32 version, bytes32 how) internal {
        Participant storage model = _models[who];
        _expect(model.roles > 0 && !model.suspended && key > 0, "a key of who may have none");
        bool isCurrent = model.key == key && model.version == version;
        _expect(isCurrent || version > model.version, "a stale key");
        _reach(isCurrent ? bytes32("published again") : how);
        (model.key, model.version) = (key, version);
    }

    function _refusedKey(bytes memory reason, uint256 who, bytes32 key, uint32 version) internal {
        bytes4 selector = bytes4(reason);
        if (selector == IParticipantDirectory.ZeroKey.selector) _expect(key == 0, "refused a key");
        if (selector == IParticipantDirectory.StaleKeyVersion.selector) {
            _expect(version <= _models[who].version, "refused a new version");
        }
        _refused(reason, who);
    }

    function _refused(bytes memory reason, uint256 who) internal {
        bytes4 selector = bytes4(reason);
        bool isTrue = selector == IParticipantDirectory.BadRoles.selector
            || selector == IParticipantDirectory.ZeroKey.selector
            || selector == IParticipantDirectory.StaleKeyVersion.selector;
        if (selector == IParticipantDirectory.NotAdmitted.selector) isTrue = _models[who].roles == 0;
        if (selector == IParticipantDirectory.Suspended.selector) isTrue = _models[who].suspended;
        if (selector == IAccessControl.AccessControlUnauthorizedAccount.selector) {
            isTrue = !(_actsAsAccreditor && _actsAsOwner);
        }
        _expect(isTrue, "refused for no good reason");
        _reach(selector);
    }

    /// @dev Nothing is written without the one event, and nothing but what the event is about.
    function _compareEventsWithStorage() private {
        (, bytes32[] memory writes) = vm.accesses(address(DIRECTORY));
        vm.stopRecord();
        Vm.Log[] memory logs = vm.getRecordedLogs();
        if (logs.length != (writes.length > 0 ? 1 : 0)) ++unmatched;
        if (logs.length == 0) return;
        (bytes32 first, uint256 words) = _about(logs[0]);
        for (uint256 i = 0; i < writes.length; ++i) {
            if (uint256(writes[i]) - uint256(first) >= words) ++unmatched;
        }
    }

    /// @dev The storage that an event is about: the third variable after AccessControl's and two of EIP-712, or a
    ///      flag in AccessControl's. Looks whether whoever acts may bring it about.
    function _about(Vm.Log memory log) private returns (bytes32 first, uint256 words) {
        bytes32 what = log.topics[0];
        if (what == IAccessControl.RoleGranted.selector || what == IAccessControl.RoleRevoked.selector) {
            if (!_actsAsOwner) ++usurpations;
            return (keccak256(abi.encode(log.topics[2], keccak256(abi.encode(log.topics[1], 0)))), 1);
        }
        address participant = address(uint160(uint256(log.topics[1])));
        bool isOwnAct = participant == _actor || participant == _signer;
        bool isOfKey = what == IParticipantDirectory.EncryptionKeySet.selector;
        if (isOfKey ? !isOwnAct : !_actsAsAccreditor) ++usurpations;
        return (keccak256(abi.encode(participant, 3)), 3);
    }

    function _observe() private {
        for (uint256 who = 0; who < PARTICIPANTS; ++who) {
            Participant memory then = _seen[who];
            Participant memory current;
            (current.roles, current.suspended, current.profile, current.key, current.version) =
                DIRECTORY.participantOf(_participants[who]);
            if (keccak256(abi.encode(then)) == keccak256(abi.encode(current))) continue;
            bool isSameKey = current.version == then.version && current.key == then.key;
            if (current.version <= then.version && !isSameKey) ++keyRegressions;
            if (then.suspended && current.suspended) ++changesOfSuspended;
            _seen[who] = current;
        }
    }
}
