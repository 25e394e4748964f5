// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";

import {AUDITOR, GATEWAY, IParticipantDirectory, PROVIDER} from "../src/IParticipantDirectory.sol";
import {Typed} from "./Typed.sol";
import {Vm, vm} from "./Vm.sol";

contract ParticipantDirectoryTest is Typed {
    address private constant OWNER = address(0x04);
    address private constant ACCREDITOR = address(0xACC);
    address private constant STRANGER = address(0x57);
    uint256 private constant SECRET = uint256(keccak256("participant"));
    bytes32 private constant PROFILE = keccak256("profile");
    bytes32 private constant KEY = keccak256("public key");

    IParticipantDirectory private _directory;
    address private _clinic;

    function setUp() public {
        _directory = deployedBy(OWNER);
        _clinic = vm.addr(SECRET);
        bytes32 role = _directory.ACCREDITOR_ROLE();
        vm.prank(OWNER);
        IAccessControl(address(_directory)).grantRole(role, ACCREDITOR);
    }

    function test_admit() public {
        vm.expectEmit(address(_directory));
        emit IParticipantDirectory.ParticipantAdmitted(_clinic, ACCREDITOR, PROVIDER, PROFILE);
        admit(_clinic, PROVIDER, PROFILE);
        assertIs(_clinic, PROVIDER, false, PROFILE, 0, 0);
    }

    function test_admitAgainChangesRolesAndProfileOnly() public {
        admit(_clinic, PROVIDER, PROFILE);
        setKey(KEY, 1);
        vm.expectEmit(address(_directory));
        emit IParticipantDirectory.ParticipantAdmitted(
            _clinic, ACCREDITOR, PROVIDER | AUDITOR, keccak256("new")
        );
        admit(_clinic, PROVIDER | AUDITOR, keccak256("new"));
        assertIs(_clinic, PROVIDER | AUDITOR, false, keccak256("new"), KEY, 1);
    }

    function test_rolesAreAnySumButNone() public {
        for (uint8 roles = 1; roles <= (PROVIDER | GATEWAY | AUDITOR); ++roles) {
            admit(_clinic, roles, PROFILE);
            assertIs(_clinic, roles, false, PROFILE, 0, 0);
        }
        uint8[3] memory bad = [uint8(0), 8, 255];
        for (uint256 i = 0; i < bad.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IParticipantDirectory.BadRoles.selector, bad[i]));
            admit(_clinic, bad[i], PROFILE);
        }
    }

    function test_refuseTheZeroAddress() public {
        vm.expectRevert(abi.encodeWithSelector(IParticipantDirectory.ZeroAddress.selector));
        admit(address(0), PROVIDER, PROFILE);
        vm.expectRevert(abi.encodeWithSelector(IParticipantDirectory.ZeroAddress.selector));
        deployedBy(address(0));
    }

    function test_suspendAndReinstateKeepEverythingElse() public {
        admit(_clinic, PROVIDER, PROFILE);
        setKey(KEY, 3);
        vm.expectEmit(address(_directory));
        emit IParticipantDirectory.ParticipantSuspended(_clinic, ACCREDITOR);
        suspend(_clinic);
        assertIs(_clinic, PROVIDER, true, PROFILE, KEY, 3);
        vm.expectEmit(address(_directory));
        emit IParticipantDirectory.ParticipantReinstated(_clinic, ACCREDITOR);
        reinstate(_clinic);
        assertIs(_clinic, PROVIDER, false, PROFILE, KEY, 3);
    }

    function test_askingForWhatHoldsIsSuccessWithoutEvent() public {
        admit(_clinic, PROVIDER, PROFILE);
        setKey(KEY, 1);
        bytes memory signature = signedKey(_clinic, KEY, 1);
        vm.recordLogs();
        admit(_clinic, PROVIDER, PROFILE);
        reinstate(_clinic);
        setKey(KEY, 1);
        _directory.setKeySigned(_clinic, KEY, 1, signature);
        vm.assertEq(vm.getRecordedLogs().length, 0, "an event");
        suspend(_clinic);
        vm.recordLogs();
        suspend(_clinic);
        vm.assertEq(vm.getRecordedLogs().length, 0, "a second suspension");
    }

    function test_aSuspendedParticipantCannotAct() public {
        admit(_clinic, PROVIDER, PROFILE);
        bytes memory signature = signedKey(_clinic, KEY, 1);
        suspend(_clinic);
        bytes memory refusal = abi.encodeWithSelector(IParticipantDirectory.Suspended.selector, _clinic);
        vm.expectRevert(refusal);
        setKey(KEY, 1);
        vm.expectRevert(refusal);
        _directory.setKeySigned(_clinic, KEY, 1, signature);
        vm.expectRevert(refusal);
        admit(_clinic, PROVIDER, PROFILE);
    }

    function test_nothingHappensToWhoIsNotAdmitted() public {
        bytes memory signature = signedKey(_clinic, KEY, 1);
        bytes memory refusal = abi.encodeWithSelector(IParticipantDirectory.NotAdmitted.selector, _clinic);
        vm.expectRevert(refusal);
        suspend(_clinic);
        vm.expectRevert(refusal);
        reinstate(_clinic);
        vm.expectRevert(refusal);
        setKey(KEY, 1);
        vm.expectRevert(refusal);
        _directory.setKeySigned(_clinic, KEY, 1, signature);
        assertIs(_clinic, 0, false, 0, 0, 0);
    }

    function test_keyVersionsOnlyGrow() public {
        admit(_clinic, PROVIDER, PROFILE);
        vm.expectEmit(address(_directory));
        emit IParticipantDirectory.EncryptionKeySet(_clinic, KEY, 2);
        setKey(KEY, 2);
        refuseVersion(keccak256("other"), 0);
        refuseVersion(keccak256("other"), 1);
        refuseVersion(keccak256("other"), 2);
        refuseVersion(KEY, 1);
        setKey(keccak256("other"), 5);
        assertIs(_clinic, PROVIDER, false, PROFILE, keccak256("other"), 5);
    }

    /// @dev Else one mistyped version could be the last.
    function test_versionsGrowByAtMostTheStep() public {
        admit(_clinic, PROVIDER, PROFILE);
        uint32 step = _directory.MAX_VERSION_STEP();
        refuseLeap(step + 1, 0);
        refuseLeap(type(uint32).max, 0);
        setKey(KEY, step);
        refuseLeap(2 * step + 1, step);
        setKey(KEY, 2 * step);
        assertIs(_clinic, PROVIDER, false, PROFILE, KEY, 2 * step);
    }

    function refuseLeap(uint32 version, uint32 current) private {
        vm.expectRevert(
            abi.encodeWithSelector(IParticipantDirectory.VersionLeaps.selector, _clinic, version, current)
        );
        setKey(KEY, version);
    }

    function test_theFirstVersionIsNotZero() public {
        admit(_clinic, PROVIDER, PROFILE);
        vm.expectRevert(
            abi.encodeWithSelector(
                IParticipantDirectory.StaleKeyVersion.selector, _clinic, uint32(0), uint32(0)
            )
        );
        setKey(KEY, 0);
    }

    function test_refuseAZeroKey() public {
        admit(_clinic, PROVIDER, PROFILE);
        vm.expectRevert(abi.encodeWithSelector(IParticipantDirectory.ZeroKey.selector));
        setKey(0, 1);
    }

    function test_setKeySignedByAnyone() public {
        admit(_clinic, PROVIDER, PROFILE);
        bytes memory signature = signedKey(_clinic, KEY, 1);
        vm.expectEmit(address(_directory));
        emit IParticipantDirectory.EncryptionKeySet(_clinic, KEY, 1);
        vm.prank(STRANGER);
        _directory.setKeySigned(_clinic, KEY, 1, signature);
        assertIs(_clinic, PROVIDER, false, PROFILE, KEY, 1);
    }

    /// @dev Whoever deploys it, the owner alone has a role in the beginning, and not the accreditors'.
    function test_whoDeploysItHasNoRole() public {
        vm.recordLogs();
        IParticipantDirectory directory = deployedBy(OWNER);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 1, "roles granted");
        bytes memory granted =
            abi.encode(IAccessControl.RoleGranted.selector, bytes32(0), OWNER, address(this));
        vm.assertEq(abi.encodePacked(logs[0].topics), granted, "the owner's, by who deploys");
        IAccessControl roles = IAccessControl(address(directory));
        vm.assertTrue(roles.hasRole(0, OWNER), "the owner");
        vm.assertFalse(roles.hasRole(0, address(this)), "who deploys");
    }

    function test_onlyAccreditorsAdmitAndSuspend() public {
        admit(_clinic, PROVIDER, PROFILE);
        address[3] memory others = [STRANGER, OWNER, _clinic];
        for (uint256 i = 0; i < others.length; ++i) {
            refuseRole(others[i], abi.encodeCall(_directory.admit, (STRANGER, PROVIDER, PROFILE)));
            refuseRole(others[i], abi.encodeCall(_directory.suspend, (_clinic)));
            refuseRole(others[i], abi.encodeCall(_directory.reinstate, (_clinic)));
        }
    }

    function test_onlyTheOwnerNamesAccreditors() public {
        bytes32 role = _directory.ACCREDITOR_ROLE();
        vm.expectRevert(
            abi.encodeWithSelector(
                IAccessControl.AccessControlUnauthorizedAccount.selector, ACCREDITOR, bytes32(0)
            )
        );
        vm.prank(ACCREDITOR);
        IAccessControl(address(_directory)).grantRole(role, STRANGER);
        vm.prank(OWNER);
        IAccessControl(address(_directory)).revokeRole(role, ACCREDITOR);
        refuseRole(ACCREDITOR, abi.encodeCall(_directory.admit, (_clinic, PROVIDER, PROFILE)));
    }

    function testFuzz_theDigestIsTheOneOfTheSpecification(uint256 key, bytes32 hash, uint32 version) public {
        vm.assume(hash != 0);
        version = 1 + version % _directory.MAX_VERSION_STEP();
        key = 1 + key % type(uint128).max;
        address participant = vm.addr(key);
        admit(participant, PROVIDER, PROFILE);
        bytes32 digest = encryptionKeyOf(domain(), participant, hash, version);
        _directory.setKeySigned(participant, hash, version, signed(key, digest));
        assertIs(participant, PROVIDER, false, PROFILE, hash, version);
    }

    function deployedBy(address owner) private returns (IParticipantDirectory) {
        return IParticipantDirectory(
            vm.deployCode("ParticipantDirectory.sol:ParticipantDirectory", abi.encode(owner))
        );
    }

    function domain() private view returns (bytes32) {
        return domainOf("Consent Ledger Directory", address(_directory));
    }

    function signedKey(address participant, bytes32 key, uint32 version) private view returns (bytes memory) {
        return signed(SECRET, encryptionKeyOf(domain(), participant, key, version));
    }

    function admit(address participant, uint8 roles, bytes32 profile) private {
        vm.prank(ACCREDITOR);
        _directory.admit(participant, roles, profile);
    }

    function suspend(address participant) private {
        vm.prank(ACCREDITOR);
        _directory.suspend(participant);
    }

    function reinstate(address participant) private {
        vm.prank(ACCREDITOR);
        _directory.reinstate(participant);
    }

    function setKey(bytes32 key, uint32 version) private {
        vm.prank(_clinic);
        _directory.setKey(key, version);
    }

    function refuseVersion(bytes32 key, uint32 version) private {
        vm.expectRevert(
            abi.encodeWithSelector(
                IParticipantDirectory.StaleKeyVersion.selector, _clinic, version, uint32(2)
            )
        );
        setKey(key, version);
    }

    function refuseRole(address caller, bytes memory call) private {
        bytes32 role = _directory.ACCREDITOR_ROLE();
        vm.prank(caller);
        (bool success, bytes memory reason) = address(_directory).call(call);
        vm.assertFalse(success, "success");
        bytes memory expected =
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, caller, role);
        vm.assertEq(keccak256(reason), keccak256(expected), "reason");
    }

    function assertIs(
        address participant,
        uint8 roles,
        bool suspended,
        bytes32 profile,
        bytes32 key,
        uint32 version
    ) private view {
        (uint8 isRoles, bool isSuspended, bytes32 isProfile, bytes32 isKey, uint32 isVersion) =
            _directory.participantOf(participant);
        vm.assertEq(isRoles, roles, "roles");
        vm.assertEq(isSuspended ? 1 : 0, suspended ? 1 : 0, "suspended");
        vm.assertEq(isProfile, profile, "profile");
        vm.assertEq(isKey, key, "key");
        vm.assertEq(isVersion, version, "version");
    }
}
