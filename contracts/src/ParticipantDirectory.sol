// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {AUDITOR, GATEWAY, IParticipantDirectory, PROVIDER} from "./IParticipantDirectory.sol";
import {Signatures} from "./Signatures.sol";

/// @title The participant directory.
contract ParticipantDirectory is IParticipantDirectory, AccessControl, EIP712 {
    using Signatures for bytes32;

    struct Participant {
        bytes32 profile;
        bytes32 key;
        uint32 keyVersion;
        uint8 roles;
        bool suspended;
    }

    /// @inheritdoc IParticipantDirectory
    bytes32 public constant override ACCREDITOR_ROLE = keccak256("ACCREDITOR_ROLE");

    /// @inheritdoc IParticipantDirectory
    uint32 public constant override MAX_VERSION_STEP = 2 ** 16;

    bytes32 private constant ENCRYPTION_KEY_TYPEHASH =
        keccak256("EncryptionKey(address participant,bytes32 key,uint32 version)");
    uint8 private constant ALL_ROLES = PROVIDER | GATEWAY | AUDITOR;

    mapping(address account => Participant participant) private _participants;

    /// @param owner who names accreditors; a multisig in production
    constructor(address owner) EIP712("Consent Ledger Directory", "1") {
        if (owner == address(0)) revert ZeroAddress();
        _grantRole(DEFAULT_ADMIN_ROLE, owner);
    }

    /// @inheritdoc IParticipantDirectory
    function admit(address participant, uint8 roles, bytes32 profile)
        external
        override
        onlyRole(ACCREDITOR_ROLE)
    {
        if (participant == address(0)) revert ZeroAddress();
        if (roles == 0 || roles > ALL_ROLES) revert BadRoles(roles);
        Participant storage known = _participants[participant];
        if (known.suspended) revert Suspended(participant);
        if (known.roles == roles && known.profile == profile) return;
        (known.roles, known.profile) = (roles, profile);
        emit ParticipantAdmitted(participant, msg.sender, roles, profile);
    }

    /// @inheritdoc IParticipantDirectory
    function suspend(address participant) external override onlyRole(ACCREDITOR_ROLE) {
        Participant storage known = _admitted(participant);
        if (known.suspended) return;
        known.suspended = true;
        emit ParticipantSuspended(participant, msg.sender);
    }

    /// @inheritdoc IParticipantDirectory
    function reinstate(address participant) external override onlyRole(ACCREDITOR_ROLE) {
        Participant storage known = _admitted(participant);
        if (!known.suspended) return;
        known.suspended = false;
        emit ParticipantReinstated(participant, msg.sender);
    }

    /// @inheritdoc IParticipantDirectory
    function setKey(bytes32 key, uint32 version) external override {
        if (_isNewKey(msg.sender, key, version)) _setKey(msg.sender, key, version);
    }

    /// @inheritdoc IParticipantDirectory
    function setKeySigned(address participant, bytes32 key, uint32 version, bytes calldata signature)
        external
        override
    {
        if (!_isNewKey(participant, key, version)) return;
        bytes32 structHash = keccak256(abi.encode(ENCRYPTION_KEY_TYPEHASH, participant, key, version));
        _hashTypedDataV4(structHash).requireSignedBy(participant, signature);
        _setKey(participant, key, version);
    }

    /// @inheritdoc IParticipantDirectory
    function participantOf(address participant)
        external
        view
        override
        returns (uint8 roles, bool suspended, bytes32 profile, bytes32 key, uint32 keyVersion)
    {
        Participant memory known = _participants[participant];
        return (known.roles, known.suspended, known.profile, known.key, known.keyVersion);
    }

    function _setKey(address participant, bytes32 key, uint32 version) private {
        Participant storage known = _participants[participant];
        (known.key, known.keyVersion) = (key, version);
        emit EncryptionKeySet(participant, key, version);
    }

    /// @dev False for the key that is current already; throws for one that cannot become it.
    function _isNewKey(address participant, bytes32 key, uint32 version) private view returns (bool) {
        Participant storage known = _admitted(participant);
        if (known.suspended) revert Suspended(participant);
        if (key == 0) revert ZeroKey();
        if (known.key == key && known.keyVersion == version) return false;
        uint32 current = known.keyVersion;
        if (version <= current) revert StaleKeyVersion(participant, version, current);
        if (version - current > MAX_VERSION_STEP) revert VersionLeaps(participant, version, current);
        return true;
    }

    function _admitted(address participant) private view returns (Participant storage known) {
        known = _participants[participant];
        if (known.roles == 0) revert NotAdmitted(participant);
    }
}
