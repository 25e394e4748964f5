// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentId, ConsentState, IConsentRegistry, SignedConsent} from "../src/IConsentRegistry.sol";
import {Typed} from "./Typed.sol";
import {vm} from "./Vm.sol";

/// @dev A registry, the key of a controller, and one consent of that controller for the tests to go through.
abstract contract RegistryFixture is Typed {
    uint40 internal constant NOW = 1_800_000_000;
    uint40 internal constant UNTIL = NOW + 90 days;
    bytes32 internal constant TERMS = keccak256("terms");
    uint256 internal constant KEY = uint256(keccak256("controller"));
    address internal constant RELAYER = address(0xBEEF);
    uint16 internal constant LAST_EPOCH = type(uint16).max;

    IConsentRegistry internal registry;
    address internal controller;

    function setUp() public virtual {
        vm.warp(NOW);
        registry = deployed();
        controller = vm.addr(KEY);
    }

    function deployed() internal returns (IConsentRegistry) {
        return IConsentRegistry(vm.deployCode("ConsentRegistry.sol:ConsentRegistry"));
    }

    function domain() internal view returns (bytes32) {
        return domainOf("Consent Ledger", address(registry));
    }

    /// @dev The name of the fixture's consent in an epoch.
    function idIn(uint16 epoch) internal view returns (ConsentId) {
        return consentOf(domain(), controller, epoch, TERMS, UNTIL);
    }

    /// @dev The fixture's consent in an epoch, signed.
    function signedIn(uint16 epoch) internal view returns (SignedConsent memory) {
        return signedBy(KEY, epoch, TERMS, UNTIL);
    }

    function signedBy(uint256 key, uint16 epoch, bytes32 termsHash, uint40 until)
        internal
        view
        returns (SignedConsent memory)
    {
        address signer = vm.addr(key);
        ConsentId id = consentOf(domain(), signer, epoch, termsHash, until);
        return SignedConsent(signer, epoch, termsHash, until, signed(key, ConsentId.unwrap(id)));
    }

    function revocation(ConsentId id) internal view returns (bytes memory) {
        return signed(KEY, revocationOf(domain(), id));
    }

    function revokeAllSignature(uint16 epoch) internal view returns (bytes memory) {
        return signed(KEY, revokeAllOf(domain(), controller, epoch));
    }

    /// @dev The fixture's consent, recorded in epoch 0.
    function recorded() internal returns (ConsentId id) {
        id = registry.recordSigned(signedIn(0));
    }

    /// @dev `epochOf` is the contract's fourth storage variable, after two of OpenZeppelin's.
    function setEpoch(address account, uint16 epoch) internal {
        vm.store(address(registry), keccak256(abi.encode(account, 3)), bytes32(uint256(epoch)));
        vm.assertEq(registry.epochOf(account), epoch, "epoch of the fixture");
    }

    function assertState(ConsentId id, ConsentState expected, string memory why) internal view {
        vm.assertEq(uint256(registry.stateOf(id)), uint256(expected), why);
    }

    function assertSilent(string memory why) internal {
        vm.assertEq(vm.getRecordedLogs().length, 0, why);
    }
}
