// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentId, IConsentRegistry, SignedConsent} from "../src/IConsentRegistry.sol";
import {vm} from "../test/Vm.sol";
import {Deployed} from "./Deployed.sol";
import {both, either} from "./Logic.sol";
import {Signing} from "./Signing.sol";
import {svm} from "./Svm.sol";

/// @dev What a consent id is the digest of.
struct Preimage {
    address controller;
    uint16 epoch;
    bytes32 termsHash;
    uint40 until;
}

/// @dev What the registry stores about a consent.
struct Stored {
    address controller;
    uint40 until;
    uint40 recordedAt;
    uint16 epoch;
}

/// @dev The registry with any storage and at any time. HistoryProperties shows what no call makes of its storage, and
///      all others assume no more than that about it.
abstract contract AnyRegistry is Deployed, Signing {
    uint16 internal constant LAST_EPOCH = type(uint16).max;

    IConsentRegistry internal registry;
    bytes32 internal domain;

    function setUp() public virtual {
        registry = IConsentRegistry(anyDeployed("ConsentRegistry", ""));
        domain = domainOf("Consent Ledger", address(registry));
        vm.warp(svm.createUint256("now"));
    }

    function idOf(Preimage memory consent) internal view returns (ConsentId) {
        return consentOf(domain, consent.controller, consent.epoch, consent.termsHash, consent.until);
    }

    function signedWith(Preimage memory consent, bytes memory signature)
        internal
        pure
        returns (SignedConsent memory)
    {
        return SignedConsent(consent.controller, consent.epoch, consent.termsHash, consent.until, signature);
    }

    function storedOf(ConsentId id) internal view returns (Stored memory stored) {
        (stored.controller, stored.until, stored.recordedAt, stored.epoch) = registry.consentOf(id);
    }

    function same(Stored memory left, Stored memory right) internal pure returns (bool) {
        return both(
            both(left.controller == right.controller, left.until == right.until),
            both(left.recordedAt == right.recordedAt, left.epoch == right.epoch)
        );
    }

    function isNothing(Stored memory stored) internal pure returns (bool) {
        return same(stored, Stored(address(0), 0, 0, 0));
    }

    /// @dev `ConsentState.Active`.
    function isActive(Stored memory stored) internal view returns (bool) {
        return both(stored.until > block.timestamp, stored.epoch == registry.epochOf(stored.controller));
    }

    /// @dev What is known has a controller. What is not revoked is of an epoch that has come, and not of the last one.
    function isSound(Stored memory stored) internal view returns (bool) {
        bool hasCome = both(stored.epoch <= registry.epochOf(stored.controller), stored.epoch != LAST_EPOCH);
        bool sound = both(stored.controller != address(0), either(stored.until == 0, hasCome));
        return either(isNothing(stored), sound);
    }

    /// @dev What is known under the id of a consent is that consent, whole or without its `until`.
    function isOf(Stored memory stored, Preimage memory consent) internal pure returns (bool) {
        bool named = both(stored.controller == consent.controller, stored.epoch == consent.epoch);
        bool bounded = either(stored.until == 0, stored.until == consent.until);
        return either(isNothing(stored), both(named, bounded));
    }

    /// @dev What is stored about a consent after some history.
    function soundlyStored(Preimage memory consent) internal view returns (Stored memory stored) {
        stored = storedOf(idOf(consent));
        vm.assume(isSound(stored));
        vm.assume(isOf(stored, consent));
    }
}
