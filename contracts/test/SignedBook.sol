// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentId, IConsentRegistry, SignedConsent} from "../src/IConsentRegistry.sol";
import {Typed} from "./Typed.sol";
import {vm} from "./Vm.sol";
import {OwnedWallet} from "./Wallets.sol";

/// @dev All that three controllers ever sign: a few consents of each of some epochs, the revocation of every one, and
///      the end of every epoch. It is signed once and lies open, so that anyone can send any of it at any time.
///
///      The second controller is a wallet; the last one begins so late that it comes to the last epoch.
abstract contract SignedBook is Typed {
    uint40 internal constant START = 1_800_000_000;
    uint16 internal constant LAST_EPOCH = type(uint16).max;
    uint256 internal constant CONTROLLERS = 3;
    uint256 internal constant EPOCHS = 4;
    uint256 internal constant CONSENTS_PER_EPOCH = 2;
    uint256 internal constant CONSENTS = CONTROLLERS * EPOCHS * CONSENTS_PER_EPOCH;

    ConsentId[] internal _ids;
    SignedConsent[] internal _consents;
    bytes[] internal _revocations;
    bytes[] internal _epochEnds;
    address[] internal _controllers;
    mapping(ConsentId id => uint256 indexPlusOne) internal _places;

    /// @dev Puts the controllers and everything they sign for `registry` into the book.
    function _write(IConsentRegistry registry) internal {
        bytes32 domain = domainOf("Consent Ledger", address(registry));
        for (uint256 who = 0; who < CONTROLLERS; ++who) {
            address account = vm.addr(_keyAt(who));
            _controllers.push(who == 1 ? address(new OwnedWallet(account, 0)) : account);
            vm.store(address(registry), _epochSlot(_controllers[who]), bytes32(uint256(_firstEpoch(who))));
            for (uint256 offset = 0; offset < EPOCHS; ++offset) {
                _writeEpoch(domain, who, _firstEpoch(who) + uint16(offset));
            }
        }
    }

    function _writeEpoch(bytes32 domain, uint256 who, uint16 epoch) private {
        _epochEnds.push(signed(_keyAt(who), revokeAllOf(domain, _controllers[who], epoch)));
        _writeConsent(domain, who, epoch, "one", START + 15 days);
        _writeConsent(domain, who, epoch, "other", type(uint40).max);
    }

    function _writeConsent(bytes32 domain, uint256 who, uint16 epoch, bytes32 terms, uint40 until) private {
        ConsentId id = consentOf(domain, _controllers[who], epoch, terms, until);
        bytes memory signature = signed(_keyAt(who), ConsentId.unwrap(id));
        _ids.push(id);
        _places[id] = _ids.length;
        _consents.push(SignedConsent(_controllers[who], epoch, terms, until, signature));
        _revocations.push(signed(_keyAt(who), revocationOf(domain, id)));
    }

    /// @dev Which controller's the consent at `index` is.
    function _ownerOf(uint256 index) internal pure returns (uint256 who) {
        return index / (EPOCHS * CONSENTS_PER_EPOCH);
    }

    function _firstEpoch(uint256 who) internal pure returns (uint16) {
        return who == CONTROLLERS - 1 ? LAST_EPOCH - uint16(EPOCHS - 1) : 0;
    }

    /// @dev The registry's third and fourth storage variables, after two of OpenZeppelin's.
    function _entrySlot(ConsentId id) internal pure returns (bytes32) {
        return keccak256(abi.encode(id, 2));
    }

    function _epochSlot(address controller) internal pure returns (bytes32) {
        return keccak256(abi.encode(controller, 3));
    }

    function _keyAt(uint256 who) private pure returns (uint256) {
        return uint256(keccak256(abi.encode("controller", who)));
    }
}
