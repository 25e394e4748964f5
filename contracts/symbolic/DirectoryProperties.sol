// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";

import {IParticipantDirectory} from "../src/IParticipantDirectory.sol";
import {vm} from "../test/Vm.sol";
import {Deployed} from "./Deployed.sol";
import {both, either} from "./Logic.sol";
import {Signing} from "./Signing.sol";
import {svm} from "./Svm.sol";

/// @dev The directory, with any storage.
contract DirectoryProperties is Deployed, Signing {
    struct Participant {
        uint8 roles;
        bool suspended;
        bytes32 profile;
        bytes32 key;
        uint32 keyVersion;
    }

    bytes32 private constant ACCREDITOR = keccak256("ACCREDITOR_ROLE");
    bytes32 private constant OWNER = 0;
    uint8 private constant MOST_ROLES = 7;
    uint256 private constant MOST_STEP = 2 ** 16;

    IParticipantDirectory private directory;
    IAccessControl private access;
    bytes32 private domain;

    function setUp() public {
        address account = anyDeployed("ParticipantDirectory", abi.encode(address(1)));
        (directory, access) = (IParticipantDirectory(account), IAccessControl(account));
        domain = domainOf("Consent Ledger Directory", account);
    }

    function check_only_an_accreditor_changes_roles_profile_or_suspension(address sender, address account)
        public
    {
        Participant memory before = participantOf(account);
        bool isAccreditor = access.hasRole(ACCREDITOR, sender);
        anyCall(sender);
        Participant memory afterwards = participantOf(account);
        assert(either(isAccreditor, sameButKey(before, afterwards)));
    }

    function check_a_suspended_participant_is_only_reinstated(address sender, address account) public {
        Participant memory before = participantOf(account);
        vm.assume(before.suspended);
        anyCall(sender);
        Participant memory afterwards = participantOf(account);
        before.suspended = afterwards.suspended;
        assert(same(before, afterwards));
    }

    function check_a_key_is_replaced_only_by_a_version_within_a_step_above(address sender, address account)
        public
    {
        Participant memory before = participantOf(account);
        anyCall(sender);
        Participant memory afterwards = participantOf(account);
        uint32 version = afterwards.keyVersion;
        bool isNext = version > before.keyVersion && !leaps(version, before.keyVersion);
        assert(sameKey(before, afterwards) || (isNext && afterwards.key != 0));
    }

    function check_roles_stay_in_range_and_nobody_at_address_zero_has_any(address sender, address account)
        public
    {
        Participant memory before = participantOf(account);
        vm.assume(before.roles <= MOST_ROLES);
        vm.assume(either(before.roles == 0, account != address(0)));
        anyCall(sender);
        uint8 roles = participantOf(account).roles;
        assert(roles <= MOST_ROLES && (roles == 0 || account != address(0)));
        assert(roles != 0 || before.roles == 0);
    }

    function check_only_the_owner_names_accreditors_and_owners(address sender, bytes32 role, address account)
        public
    {
        vm.assume(access.getRoleAdmin(role) == OWNER);
        bool before = access.hasRole(role, account);
        bool isOwner = access.hasRole(OWNER, sender);
        anyCall(sender);
        bool afterwards = access.hasRole(role, account);
        assert(afterwards == before || isOwner || (before && sender == account));
    }

    function check_who_administers_a_role_never_changes(address sender, bytes32 role) public {
        bytes32 before = access.getRoleAdmin(role);
        anyCall(sender);
        assert(access.getRoleAdmin(role) == before);
    }

    function check_admit_touches_nobody_else(
        address sender,
        address account,
        uint8 roles,
        bytes32 profile,
        address other
    ) public {
        vm.assume(other != account);
        Participant memory before = participantOf(other);
        vm.prank(sender);
        directory.admit(account, roles, profile);
        assert(same(participantOf(other), before));
    }

    function check_suspending_and_reinstating_touch_nobody_else(
        address sender,
        address account,
        address other,
        bool suspending
    ) public {
        vm.assume(other != account);
        Participant memory before = participantOf(other);
        vm.prank(sender);
        if (suspending) directory.suspend(account);
        else directory.reinstate(account);
        assert(same(participantOf(other), before));
    }

    function check_reinstating_leaves_a_participant_as_it_was(address sender, address account) public {
        Participant memory before = participantOf(account);
        vm.assume(!before.suspended);
        vm.prank(sender);
        directory.suspend(account);
        assert(participantOf(account).suspended);
        vm.prank(sender);
        directory.reinstate(account);
        assert(same(participantOf(account), before));
    }

    function check_setKey_succeeds_exactly_when_nothing_stands_against_it(
        address sender,
        bytes32 key,
        uint32 version
    ) public {
        Participant memory before = participantOf(sender);
        bool isCurrent = both(before.key == key, before.keyVersion == version);
        bool isNext = both(version > before.keyVersion, !leaps(version, before.keyVersion));
        bool isPossible = both(mayPublish(before, key), either(isCurrent, isNext));
        vm.prank(sender);
        try directory.setKey(key, version) {
            assert(isPossible);
        } catch {
            assert(!isPossible);
        }
    }

    function check_a_key_is_refused_as_a_leap_exactly_when_its_version_leaps(
        address account,
        bytes32 key,
        uint32 version,
        bytes memory signature,
        bool signing
    ) public {
        Participant memory before = participantOf(account);
        bool isLeap = both(mayPublish(before, key), leaps(version, before.keyVersion));
        bytes memory data = signing
            ? abi.encodeCall(directory.setKeySigned, (account, key, version, signature))
            : abi.encodeCall(directory.setKey, (key, version));
        vm.prank(account);
        (bool success, bytes memory reason) = address(directory).call(data);
        bool saysSo = bytes4(reason) == IParticipantDirectory.VersionLeaps.selector;
        assert(isLeap == (!success && saysSo));
    }

    function check_setKey_sets_the_key_of_its_caller_only(
        address sender,
        bytes32 key,
        uint32 version,
        address other
    ) public {
        vm.assume(other != sender);
        Participant memory before = participantOf(other);
        vm.prank(sender);
        directory.setKey(key, version);
        Participant memory set = participantOf(sender);
        assert(set.key == key && set.keyVersion == version && !set.suspended && set.roles != 0);
        assert(same(participantOf(other), before));
    }

    function check_setKeySigned_sets_only_what_its_participant_signed(
        address account,
        bytes32 key,
        uint32 version,
        bytes memory signature
    ) public {
        deployWallet();
        Participant memory before = participantOf(account);
        directory.setKeySigned(account, key, version, signature);
        Participant memory afterwards = participantOf(account);
        assert(both(afterwards.key == key, afterwards.keyVersion == version));
        assert(
            same(before, afterwards)
                || isSigned(encryptionKeyOf(domain, account, key, version), account, signature)
        );
    }

    function check_setKeySigned_touches_nobody_else(
        address account,
        bytes32 key,
        uint32 version,
        bytes memory signature,
        address other
    ) public {
        vm.assume(other != account);
        Participant memory before = participantOf(other);
        directory.setKeySigned(account, key, version, signature);
        assert(same(participantOf(other), before));
    }

    function check_a_new_directory_has_an_owner_who_is_not_zero_and_no_accreditor(
        address owner,
        address account
    ) public {
        address created = deployed("ParticipantDirectory", abi.encode(owner));
        assert((created == address(0)) == (owner == address(0)));
        if (created == address(0)) return;
        assert(IAccessControl(created).hasRole(OWNER, account) == (account == owner));
        assert(!IAccessControl(created).hasRole(ACCREDITOR, account));
    }

    function participantOf(address account) private view returns (Participant memory known) {
        (known.roles, known.suspended, known.profile, known.key, known.keyVersion) =
            directory.participantOf(account);
    }

    /// @dev Whether the participant may publish this key, in some version.
    function mayPublish(Participant memory known, bytes32 key) private pure returns (bool) {
        return both(both(known.roles != 0, !known.suspended), key != 0);
    }

    /// @dev Whether this version is more than a step above the current one.
    function leaps(uint256 version, uint256 current) private pure returns (bool) {
        return version > current + MOST_STEP;
    }

    function sameKey(Participant memory left, Participant memory right) private pure returns (bool) {
        return both(left.key == right.key, left.keyVersion == right.keyVersion);
    }

    function sameButKey(Participant memory left, Participant memory right) private pure returns (bool) {
        bool sameStanding = both(left.roles == right.roles, left.suspended == right.suspended);
        return both(sameStanding, left.profile == right.profile);
    }

    function same(Participant memory left, Participant memory right) private pure returns (bool) {
        return both(sameKey(left, right), sameButKey(left, right));
    }

    function anyCall(address sender) private {
        bytes memory data = svm.createCalldata("ParticipantDirectory");
        vm.prank(sender);
        (bool success,) = address(directory).call(data);
        vm.assume(success);
    }
}
