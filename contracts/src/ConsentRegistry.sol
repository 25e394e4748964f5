// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {Entry, entryOf} from "./Entry.sol";
import {ConsentId, ConsentState, IConsentRegistry, SignedConsent} from "./IConsentRegistry.sol";
import {Signatures} from "./Signatures.sol";

/// @title The consent registry.
contract ConsentRegistry is IConsentRegistry, EIP712 {
    using Signatures for bytes32;

    bytes32 private constant CONSENT_TYPEHASH = keccak256(
        "Consent(address controller,uint16 epoch,Terms terms,uint40 until)"
        "Terms(string statement,bytes32 document,bytes32 salt)"
    );
    bytes32 private constant REVOCATION_TYPEHASH = keccak256("Revocation(bytes32 consent)");
    bytes32 private constant REVOKE_ALL_TYPEHASH = keccak256("RevokeAll(address controller,uint16 epoch)");

    uint16 private constant TERMINAL_EPOCH = type(uint16).max;
    bytes4 private constant NOTHING = 0;

    mapping(ConsentId id => Entry entry) private _entries;

    /// @inheritdoc IConsentRegistry
    mapping(address controller => uint16 epoch) public override epochOf;

    constructor() EIP712("Consent Ledger", "1") {}

    /// @inheritdoc IConsentRegistry
    function record(uint16 epoch, bytes32 termsHash, uint40 until) external override returns (ConsentId id) {
        id = consentIdOf(msg.sender, epoch, termsHash, until);
        bytes4 obstacle = _obstacle(id, epoch, epochOf[msg.sender], until);
        if (obstacle == NOTHING) _record(id, msg.sender, epoch, until);
        else _refuse(obstacle, id, msg.sender, epoch, until);
    }

    /// @inheritdoc IConsentRegistry
    function recordSigned(SignedConsent calldata consent) external override returns (ConsentId id) {
        bytes4 obstacle;
        (id, obstacle) = _recordIfPossible(consent);
        if (obstacle != NOTHING) _refuse(obstacle, id, consent.controller, consent.epoch, consent.until);
    }

    /// @inheritdoc IConsentRegistry
    function recordBatch(SignedConsent[] calldata consents) external override {
        for (uint256 index = 0; index < consents.length; ++index) {
            (ConsentId id, bytes4 obstacle) = _recordIfPossible(consents[index]);
            if (obstacle != NOTHING) emit Skipped(index, id, obstacle);
        }
    }

    /// @inheritdoc IConsentRegistry
    function revoke(ConsentId id) external override {
        Entry entry = _known(id);
        address controller = entry.controllerOf();
        if (msg.sender != controller) revert NotController(id, controller, msg.sender);
        if (!entry.isRevoked()) _revoke(id, controller, entry);
    }

    /// @inheritdoc IConsentRegistry
    function revokeSigned(ConsentId id, bytes calldata signature) external override {
        Entry entry = _known(id);
        if (entry.isRevoked()) return;
        address controller = entry.controllerOf();
        _revocationDigest(id).requireSignedBy(controller, signature);
        _revoke(id, controller, entry);
    }

    /// @inheritdoc IConsentRegistry
    function revokeWithPreimage(
        address controller,
        uint16 epoch,
        bytes32 termsHash,
        uint40 until,
        bytes calldata signature
    ) external override returns (ConsentId id) {
        id = consentIdOf(controller, epoch, termsHash, until);
        Entry entry = _entries[id];
        if (entry.isRevoked()) return id;
        if (entry.isNothing()) entry = entryOf(controller, 0, 0, epoch);
        bool callsInPerson = msg.sender == controller && signature.length == 0;
        if (!callsInPerson) _revocationDigest(id).requireSignedBy(controller, signature);
        _revoke(id, controller, entry);
    }

    /// @inheritdoc IConsentRegistry
    function revokeAll() external override {
        _endEpoch(msg.sender, epochOf[msg.sender]);
    }

    /// @inheritdoc IConsentRegistry
    function revokeAllSigned(address controller, uint16 epoch, bytes calldata signature) external override {
        uint16 current = epochOf[controller];
        if (epoch < current) return;
        if (epoch > current) revert WrongEpoch(controller, epoch, current);
        bytes32 structHash = keccak256(abi.encode(REVOKE_ALL_TYPEHASH, controller, epoch));
        _hashTypedDataV4(structHash).requireSignedBy(controller, signature);
        _endEpoch(controller, epoch);
    }

    /// @inheritdoc IConsentRegistry
    function stateOf(ConsentId id) external view override returns (ConsentState state) {
        Entry entry = _entries[id];
        if (entry.isNothing()) return ConsentState.None;
        bool isActive = block.timestamp < entry.untilOf() && entry.epochOf() == epochOf[entry.controllerOf()];
        return isActive ? ConsentState.Active : ConsentState.Ended;
    }

    /// @inheritdoc IConsentRegistry
    function consentOf(ConsentId id)
        external
        view
        override
        returns (address controller, uint40 until, uint40 recordedAt, uint16 epoch)
    {
        Entry entry = _entries[id];
        return (entry.controllerOf(), entry.untilOf(), entry.recordedAtOf(), entry.epochOf());
    }

    /// @inheritdoc IConsentRegistry
    function consentIdOf(address controller, uint16 epoch, bytes32 termsHash, uint40 until)
        public
        view
        override
        returns (ConsentId id)
    {
        bytes32 structHash = keccak256(abi.encode(CONSENT_TYPEHASH, controller, epoch, termsHash, until));
        return ConsentId.wrap(_hashTypedDataV4(structHash));
    }

    /// @dev Records the consent unless something stands against it, and says what: an error's selector.
    function _recordIfPossible(SignedConsent calldata consent)
        private
        returns (ConsentId id, bytes4 obstacle)
    {
        (address controller, uint16 epoch, uint40 until) = (consent.controller, consent.epoch, consent.until);
        id = consentIdOf(controller, epoch, consent.termsHash, until);
        obstacle = _obstacle(id, epoch, epochOf[controller], until);
        if (obstacle == NOTHING) {
            obstacle = ConsentId.unwrap(id).objectionTo(controller, consent.signature);
        }
        if (obstacle == NOTHING) _record(id, controller, epoch, until);
    }

    function _record(ConsentId id, address controller, uint16 epoch, uint40 until) private {
        _entries[id] = entryOf(controller, until, uint40(block.timestamp), epoch);
        emit Recorded(id, controller, epoch, until);
    }

    function _revoke(ConsentId id, address controller, Entry entry) private {
        _entries[id] = entry.revoked();
        emit Revoked(id, controller);
    }

    /// @dev Ends all consents of the controller's current epoch; there are none in the terminal one.
    function _endEpoch(address controller, uint16 epoch) private {
        if (epoch == TERMINAL_EPOCH) return;
        epochOf[controller] = epoch + 1;
        emit RevokedAll(controller, epoch + 1);
    }

    /// @dev What stands against recording, signature apart: an error's selector, or `NOTHING`.
    function _obstacle(ConsentId id, uint16 epoch, uint16 current, uint40 until)
        private
        view
        returns (bytes4)
    {
        if (until <= block.timestamp) return Expired.selector;
        if (epoch == TERMINAL_EPOCH) return EpochIsTerminal.selector;
        if (epoch != current) return WrongEpoch.selector;
        Entry entry = _entries[id];
        if (entry.isNothing()) return NOTHING;
        return entry.isRevoked() ? ConsentEnded.selector : AlreadyRecorded.selector;
    }

    /// @dev Throws the error that `obstacle` names; an active consent is no reason to.
    function _refuse(bytes4 obstacle, ConsentId id, address controller, uint16 epoch, uint40 until)
        private
        view
    {
        if (obstacle == AlreadyRecorded.selector) return;
        if (obstacle == Expired.selector) revert Expired(id, until);
        if (obstacle == EpochIsTerminal.selector) revert EpochIsTerminal(controller);
        if (obstacle == WrongEpoch.selector) revert WrongEpoch(controller, epoch, epochOf[controller]);
        if (obstacle == ConsentEnded.selector) revert ConsentEnded(id);
        if (obstacle == NotDeployed.selector) revert NotDeployed(controller, ConsentId.unwrap(id));
        revert BadSignature(controller, ConsentId.unwrap(id));
    }

    function _known(ConsentId id) private view returns (Entry entry) {
        entry = _entries[id];
        if (entry.isNothing()) revert NotRecorded(id);
    }

    function _revocationDigest(ConsentId id) private view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(REVOCATION_TYPEHASH, id)));
    }
}
