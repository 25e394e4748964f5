// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentId, ConsentState, IConsentRegistry} from "../src/IConsentRegistry.sol";
import {RegistryHandler} from "./RegistryHandler.sol";
import {vm} from "./Vm.sol";

/// @dev What holds after any interleaving of recording, revoking in every form, revoking all, and time.
contract RegistryInvariants {
    IConsentRegistry private _registry;
    RegistryHandler private _handler;

    function setUp() public {
        _registry = IConsentRegistry(vm.deployCode("ConsentRegistry.sol:ConsentRegistry"));
        _handler = new RegistryHandler(_registry);
    }

    /// @dev forge calls these, and only these, between looks at the invariants.
    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function invariant_theStateIsTheOneOfTheModel() public view {
        ConsentId[] memory ids = _handler.ids();
        for (uint256 i = 0; i < ids.length; ++i) {
            vm.assertEq(uint256(_registry.stateOf(ids[i])), uint256(_handler.stateOf(ids[i])), "state");
        }
    }

    function invariant_whatEndedStaysEnded() public view {
        ConsentId[] memory ids = _handler.ids();
        for (uint256 i = 0; i < ids.length; ++i) {
            if (!_handler.modelOf(ids[i]).wasSeenEnded) continue;
            vm.assertEq(uint256(_registry.stateOf(ids[i])), uint256(ConsentState.Ended), "revived");
        }
    }

    function invariant_whatIsStoredIsWhatWasSigned() public view {
        ConsentId[] memory ids = _handler.ids();
        for (uint256 i = 0; i < ids.length; ++i) {
            if (_registry.stateOf(ids[i]) == ConsentState.None) continue;
            RegistryHandler.Model memory model = _handler.modelOf(ids[i]);
            (address controller, uint40 until, uint40 recordedAt, uint16 epoch) = _registry.consentOf(ids[i]);
            vm.assertEq(controller, model.controller, "controller");
            vm.assertEq(until, model.isRevoked ? 0 : model.until, "until");
            vm.assertEq(recordedAt, model.recordedAt, "recordedAt");
            vm.assertEq(epoch, model.epoch, "epoch");
        }
    }

    function invariant_eachEffectHappensOnce() public view {
        ConsentId[] memory ids = _handler.ids();
        for (uint256 i = 0; i < ids.length; ++i) {
            RegistryHandler.Model memory model = _handler.modelOf(ids[i]);
            vm.assertEq(model.recordings, model.recordedAt == 0 ? 0 : 1, "Recorded events");
            vm.assertEq(model.revocations, model.isRevoked ? 1 : 0, "Revoked events");
        }
    }

    function invariant_epochsAreTheModelsAndNothingIsActiveInTheLast() public view {
        for (uint256 i = 0; i < _handler.CONTROLLERS(); ++i) {
            address controller = _handler.controllerAt(i);
            vm.assertEq(_registry.epochOf(controller), _handler.epochOf(controller), "epoch");
        }
        ConsentId[] memory ids = _handler.ids();
        for (uint256 i = 0; i < ids.length; ++i) {
            if (_handler.modelOf(ids[i]).epoch != type(uint16).max) continue;
            vm.assertTrue(_registry.stateOf(ids[i]) != ConsentState.Active, "active in the last epoch");
        }
    }
}
