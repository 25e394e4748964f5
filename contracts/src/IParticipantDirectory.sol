// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISigned} from "./ISigned.sol";

/// @dev What a participant was admitted as: one bit each, at least one set.
uint8 constant PROVIDER = 1;
uint8 constant GATEWAY = 2;
uint8 constant AUDITOR = 4;

/// @title Who takes part: providers, gateways and auditors, each with a role, a profile and a key to seal to.
///
/// @notice The owner (`DEFAULT_ADMIN_ROLE`) names accreditors (`ACCREDITOR_ROLE`); accreditors admit and suspend;
///         participants publish their keys. What is signed is EIP-712 under the domain
///         `{name: "Consent Ledger Directory", version: "1", chainId, verifyingContract}`:
///
///         EncryptionKey(address participant,bytes32 key,uint32 version)
///
///         As in the registry, asking for what holds already is success without an event.
///
/// @dev Signatures are checked as `ISigned` says. Patients are never in here.
interface IParticipantDirectory is ISigned {
    /// @notice `accreditor` has admitted `participant` with these roles and this profile, perhaps instead of others.
    event ParticipantAdmitted(
        address indexed participant, address indexed accreditor, uint8 roles, bytes32 profile
    );

    /// @notice `participant` is not to be dealt with until it is reinstated.
    event ParticipantSuspended(address indexed participant, address indexed accreditor);

    /// @notice `participant` is as it was before it was suspended.
    event ParticipantReinstated(address indexed participant, address indexed accreditor);

    /// @notice From now on one seals to `key` for `participant`.
    event EncryptionKeySet(address indexed participant, bytes32 key, uint32 version);

    /// @notice The zero address can be neither owner nor participant.
    error ZeroAddress();

    /// @notice No role, or one that does not exist.
    error BadRoles(uint8 roles);

    /// @notice Nobody has admitted this account.
    error NotAdmitted(address participant);

    /// @notice Not before the participant is reinstated.
    error Suspended(address participant);

    /// @notice A zero key is the absence of one; suspend a participant whose key must not be used.
    error ZeroKey();

    /// @notice Versions only grow, from 0 for no key; the current one is `current`.
    error StaleKeyVersion(address participant, uint32 version, uint32 current);

    /// @notice A version is at most `MAX_VERSION_STEP` above the current one, so that a mistyped or stolen
    ///         signature cannot end a participant's versions.
    error VersionLeaps(address participant, uint32 version, uint32 current);

    /// @notice Admits a participant, or changes its roles and profile. Accreditors only.
    /// @param roles `PROVIDER`, `GATEWAY`, `AUDITOR`, or a sum of them
    /// @param profile hash of the participant's public profile
    function admit(address participant, uint8 roles, bytes32 profile) external;

    /// @notice Suspends a participant. Accreditors only.
    function suspend(address participant) external;

    /// @notice Ends a suspension. Accreditors only.
    function reinstate(address participant) external;

    /// @notice Publishes the caller's encryption key.
    /// @param key hash of the public key
    /// @param version above the current one, by at most `MAX_VERSION_STEP`
    function setKey(bytes32 key, uint32 version) external;

    /// @notice `setKey` for a participant that signed `EncryptionKey`. Anyone may call.
    /// @dev The signature of the key that is current already is not looked at.
    function setKeySigned(address participant, bytes32 key, uint32 version, bytes calldata signature) external;

    /// @notice How far a key's version can be above the one before.
    function MAX_VERSION_STEP() external view returns (uint32);

    /// @notice Who has this role of AccessControl admits and suspends participants; the owner grants and revokes it.
    function ACCREDITOR_ROLE() external view returns (bytes32);

    /// @notice What the directory says about an account; all zero if it was never admitted.
    /// @return roles what it was admitted as
    /// @return suspended whether that is suspended
    /// @return profile hash of its public profile
    /// @return key hash of its public encryption key; 0 if it has published none
    /// @return keyVersion version of that key; 0 if it has published none
    function participantOf(address participant)
        external
        view
        returns (uint8 roles, bool suspended, bytes32 profile, bytes32 key, uint32 keyVersion);
}
