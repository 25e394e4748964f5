// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISigned} from "./ISigned.sol";

/// @notice The name of a consent: the EIP-712 digest of `Consent`, which is also what its controller signs.
type ConsentId is bytes32;

/// @notice What the registry says about a consent id.
/// @dev `None`: nobody has recorded or revoked it here. `Active`: recorded, and none of what ends it happened.
///      `Ended`: revoked (perhaps before it was recorded), past its `until`, or of an epoch that is over.
///      No consent ever leaves `Ended`.
enum ConsentState {
    None,
    Active,
    Ended
}

/// @notice A consent as its controller signed it and as anyone may relay it.
/// @param controller who signed, and who alone can revoke
/// @param epoch the controller's epoch it was signed for
/// @param termsHash `hashStruct(Terms)`: all that the chain learns of statement, document and salt
/// @param until when it ends at the latest, in Unix seconds, exclusive
/// @param signature over `Consent`, by the key or the wallet at `controller`
struct SignedConsent {
    address controller;
    uint16 epoch;
    bytes32 termsHash;
    uint40 until;
    bytes signature;
}

/// @title Consents on chain: that they exist, until when, and that they have ended; never what they say.
///
/// @notice Everything signed is EIP-712 under the domain
///         `{name: "Consent Ledger", version: "1", chainId, verifyingContract}`:
///
///         Consent(address controller,uint16 epoch,Terms terms,uint40 until)
///         Terms(string statement,bytes32 document,bytes32 salt)
///         Revocation(bytes32 consent)
///         RevokeAll(address controller,uint16 epoch)
///
///         There is no owner, no upgrade and no nonce. What is relayed once more, or by someone faster, is success
///         without a second effect: each function asks for a state of things, and if it holds already there is
///         nothing to do. Only `revokeAll` by the controller itself begins another epoch each time.
///
/// @dev Immutable. Signatures are checked as `ISigned` says. A consent takes one storage slot.
interface IConsentRegistry is ISigned {
    /// @notice `id` is recorded and active.
    /// @param epoch the controller's epoch, in which alone the consent lives
    /// @param until when it ends at the latest, in Unix seconds, exclusive
    event Recorded(ConsentId indexed id, address indexed controller, uint16 epoch, uint40 until);

    /// @notice `id` has ended by the will of its controller. If it was not recorded before, it never will be.
    event Revoked(ConsentId indexed id, address indexed controller);

    /// @notice Every consent of `controller` of an epoch below `newEpoch`, recorded or not, has ended.
    event RevokedAll(address indexed controller, uint16 newEpoch);

    /// @notice Item `index` of a batch was not recorded.
    /// @dev Written for whoever calls, with whatever they put in: it says something about the call, and nothing
    ///      about the consent.
    /// @param reason selector of the error that it would have met alone, or of `AlreadyRecorded`
    event Skipped(uint256 indexed index, ConsentId id, bytes4 reason);

    /// @notice The consent's own end is not after this block's time.
    error Expired(ConsentId id, uint40 until);

    /// @notice Signed for another epoch than the controller's `current` one.
    error WrongEpoch(address controller, uint16 epoch, uint16 current);

    /// @notice Nothing can be recorded in the last epoch, 65535: `revokeAll` could not end it.
    error EpochIsTerminal(address controller);

    /// @notice The consent was revoked, and cannot be revived.
    error ConsentEnded(ConsentId id);

    /// @notice The consent is recorded and active. Only a `reason` in `Skipped`; alone it is success.
    error AlreadyRecorded(ConsentId id);

    /// @notice Nothing is known by this id, so it takes the preimage to revoke it.
    error NotRecorded(ConsentId id);

    /// @notice Only the consent's controller may do this without a signature.
    error NotController(ConsentId id, address controller, address caller);

    /// @notice Records a consent of the caller. Afterwards it is active.
    /// @dev The epoch is named, not looked up, so that no reorganisation lets the same transaction record the same
    ///      terms again after they were stopped.
    /// @param epoch the caller's current one
    /// @return id the consent's name
    function record(uint16 epoch, bytes32 termsHash, uint40 until) external returns (ConsentId id);

    /// @notice Records a consent that its controller signed. Anyone may call. Afterwards it is active.
    /// @dev Of several reasons to refuse, the first counts: `Expired`, `EpochIsTerminal`, `WrongEpoch`,
    ///      `ConsentEnded`, those of the signature. That of a consent that is active already is not looked at.
    /// @return id the consent's name
    function recordSigned(SignedConsent calldata consent) external returns (ConsentId id);

    /// @notice Records every one of `consents` that `recordSigned` would, and says of each other why not.
    /// @dev Given gas for what each wallet among the controllers may spend; else `NotEnoughGas` ends it all.
    function recordBatch(SignedConsent[] calldata consents) external;

    /// @notice Ends a consent of the caller that the registry knows.
    function revoke(ConsentId id) external;

    /// @notice Ends a consent that the registry knows, whose controller signed `Revocation`. Anyone may call.
    /// @dev The signature for a consent that was revoked already is not looked at. One that ran out, or whose
    ///      epoch is over, can still be revoked, and says so.
    function revokeSigned(ConsentId id, bytes calldata signature) external;

    /// @notice Ends a consent whether or not it is recorded: before, it leaves a tombstone and can never be.
    /// @param signature by the controller over `Revocation` of this consent; empty if the controller calls
    /// @return id the name of what has ended: compare it with the one that was meant
    function revokeWithPreimage(
        address controller,
        uint16 epoch,
        bytes32 termsHash,
        uint40 until,
        bytes calldata signature
    ) external returns (ConsentId id);

    /// @notice Ends every consent of the caller's current epoch, recorded or not, and begins the next one.
    /// @dev In the last epoch there is nothing to end.
    function revokeAll() external;

    /// @notice `revokeAll` for a controller that signed `RevokeAll`. Anyone may call.
    /// @dev Success without effect if that epoch is over already; `WrongEpoch` if it has not come yet. The
    ///      signature is looked at in the last epoch too, where there is nothing to end.
    function revokeAllSigned(address controller, uint16 epoch, bytes calldata signature) external;

    /// @notice What the registry says about a consent at this block's time.
    function stateOf(ConsentId id) external view returns (ConsentState state);

    /// @notice What is stored about a consent; all zero if nothing is.
    /// @return controller who recorded or revoked it
    /// @return until its end, or 0 once it was revoked
    /// @return recordedAt the time of the block that recorded it; 0 if it was revoked before
    /// @return epoch the controller's epoch it belongs to
    function consentOf(ConsentId id)
        external
        view
        returns (address controller, uint40 until, uint40 recordedAt, uint16 epoch);

    /// @notice The controller's epoch: how often it has revoked all.
    function epochOf(address controller) external view returns (uint16 epoch);

    /// @notice The name of a consent, which is the digest that its controller signs.
    function consentIdOf(address controller, uint16 epoch, bytes32 termsHash, uint40 until)
        external
        view
        returns (ConsentId id);
}
