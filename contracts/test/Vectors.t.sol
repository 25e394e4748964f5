// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentId, ConsentState, IConsentRegistry, SignedConsent} from "../src/IConsentRegistry.sol";
import {RegistryFixture} from "./RegistryFixture.sol";
import {vm} from "./Vm.sol";

/// @dev The digests that Python computes are the ones that the registry computes, and what Python signs it takes.
contract VectorsTest is RegistryFixture {
    struct Case {
        string name;
        SignedConsent consent;
        bytes32 digest;
        bytes32 termsHash;
        bytes revocation;
        bytes revokeAll;
    }

    string private _json;
    bytes private _code;

    function setUp() public override {
        super.setUp();
        _json = vm.readFile("../tests/vectors/consent-digest.json");
        _code = address(registry).code;
    }

    function test_everyCase() public {
        uint256 count = 0;
        for (string memory path = _path(0); vm.keyExistsJson(_json, path); path = _path(++count)) {
            _check(_read(path));
        }
        vm.assertTrue(count > 0, "no cases");
    }

    function _check(Case memory vector) private {
        SignedConsent memory consent = vector.consent;
        (address signer, uint16 epoch) = (consent.controller, consent.epoch);
        ConsentId id = registry.consentIdOf(signer, epoch, consent.termsHash, consent.until);
        vm.assertEq(consent.termsHash, vector.termsHash, string.concat("terms hash: ", vector.name));
        vm.assertEq(ConsentId.unwrap(id), vector.digest, string.concat("digest: ", vector.name));

        setEpoch(signer, epoch);
        vm.warp(consent.until == 0 ? 0 : consent.until - 1);
        if (consent.until == 0) {
            vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.Expired.selector, id, consent.until));
        } else if (epoch == LAST_EPOCH) {
            vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.EpochIsTerminal.selector, signer));
        }
        registry.recordSigned(consent);

        registry.revokeWithPreimage(signer, epoch, consent.termsHash, consent.until, vector.revocation);
        assertState(id, ConsentState.Ended, string.concat("revocation: ", vector.name));

        registry.revokeAllSigned(signer, epoch, vector.revokeAll);
        uint16 next = epoch == LAST_EPOCH ? epoch : epoch + 1;
        vm.assertEq(registry.epochOf(signer), next, string.concat("revoke all: ", vector.name));
    }

    /// @dev One case, and the registry where the case has it, on the case's chain.
    function _read(string memory path) private returns (Case memory vector) {
        vm.chainId(vm.parseJsonUint(_json, string.concat(path, ".chainId")));
        registry = IConsentRegistry(vm.parseJsonAddress(_json, string.concat(path, ".registry")));
        vm.etch(address(registry), _code);
        vector.name = vm.parseJsonString(_json, string.concat(path, ".name"));
        vector.digest = vm.parseJsonBytes32(_json, string.concat(path, ".digest"));
        vector.termsHash = vm.parseJsonBytes32(_json, string.concat(path, ".termsHash"));
        vector.revocation = vm.parseJsonBytes(_json, string.concat(path, ".revocationSignature"));
        vector.revokeAll = vm.parseJsonBytes(_json, string.concat(path, ".revokeAllSignature"));
        vector.consent.controller = vm.parseJsonAddress(_json, string.concat(path, ".controller"));
        vector.consent.epoch = uint16(vm.parseJsonUint(_json, string.concat(path, ".epoch")));
        vector.consent.until = uint40(vm.parseJsonUint(_json, string.concat(path, ".until")));
        vector.consent.signature = vm.parseJsonBytes(_json, string.concat(path, ".signature"));
        vector.consent.termsHash = termsHashOf(
            vm.parseJsonString(_json, string.concat(path, ".statement")),
            vm.parseJsonBytes32(_json, string.concat(path, ".document")),
            vm.parseJsonBytes32(_json, string.concat(path, ".salt"))
        );
    }

    function _path(uint256 index) private pure returns (string memory) {
        bytes memory digits = abi.encodePacked(uint8(48 + index / 10), uint8(48 + index % 10));
        return string.concat(".cases[", string(digits), "]");
    }
}
