// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentId, ConsentState, IConsentRegistry} from "../src/IConsentRegistry.sol";
import {Campaign, Handler} from "./Campaign.sol";
import {RegistryHandler} from "./RegistryHandler.sol";
import {RegistryModel} from "./RegistryModel.sol";
import {vm} from "./Vm.sol";

/// @dev What holds of a registry after any interleaving of recording, revoking in every form, revoking all, time,
///      and the attempts of strangers.
contract RegistryInvariants is Campaign {
    uint16 private constant LAST_EPOCH = type(uint16).max;

    IConsentRegistry private _registry;
    RegistryHandler private _handler;

    function setUp() external {
        _registry = IConsentRegistry(vm.deployCode("ConsentRegistry.sol:ConsentRegistry"));
        _handler = new RegistryHandler(_registry);
    }

    /// @dev All in one campaign: for each that stood alone, forge would go through the very same acts once more.
    function invariant_all() external view {
        invariant_theStateIsTheModels();
        invariant_whatEndedStaysEnded();
        invariant_whatIsStoredIsWhatWasSigned();
        invariant_theViewsAgree();
        invariant_eachEffectHappensOnce();
        invariant_aTombstoneIsNeverRecorded();
        invariant_consentsAreRecordedBeforeTheyEndAndNotInTheLastEpoch();
        invariant_epochsAreTheModelsAndGoOnOneByOne();
        invariant_nobodyActsForAnother();
        invariant_everyChangeHasItsEventAndEveryEventItsChange();
        invariant_theRegistryHoldsNoEther();
    }

    function invariant_theStateIsTheModels() private view {
        ConsentId[] memory ids = _handler.ids();
        ConsentState[] memory expected = _handler.states();
        for (uint256 i = 0; i < ids.length; ++i) {
            assertState(ids[i], expected[i], "state");
        }
    }

    function invariant_whatEndedStaysEnded() private view {
        ConsentId[] memory ids = _handler.ids();
        RegistryModel.Consent[] memory models = _handler.models();
        for (uint256 i = 0; i < ids.length; ++i) {
            if (models[i].wasSeenEnded) assertState(ids[i], ConsentState.Ended, "revived");
        }
    }

    function invariant_whatIsStoredIsWhatWasSigned() private view {
        ConsentId[] memory ids = _handler.ids();
        RegistryModel.Consent[] memory models = _handler.models();
        for (uint256 i = 0; i < ids.length; ++i) {
            (address controller, uint40 until, uint40 recordedAt, uint16 epoch) = _registry.consentOf(ids[i]);
            if (controller == address(0)) continue;
            holds(controller == models[i].controller, "controller");
            holds(until == (models[i].isRevoked ? 0 : models[i].until), "until");
            holds(recordedAt == models[i].recordedAt, "recordedAt");
            holds(epoch == models[i].epoch, "epoch");
        }
    }

    /// @dev Whoever reads what is stored, as the README says how, comes to what `stateOf` says.
    function invariant_theViewsAgree() private view {
        ConsentId[] memory ids = _handler.ids();
        for (uint256 i = 0; i < ids.length; ++i) {
            (address controller, uint40 until, uint40 recordedAt, uint16 epoch) = _registry.consentOf(ids[i]);
            if (controller == address(0)) {
                holds(uint256(until) + recordedAt + epoch == 0, "something about nothing");
                assertState(ids[i], ConsentState.None, "of what is not stored");
            } else {
                bool isActive = until > block.timestamp && epoch == _registry.epochOf(controller);
                assertState(ids[i], isActive ? ConsentState.Active : ConsentState.Ended, "of what is stored");
            }
        }
    }

    function invariant_eachEffectHappensOnce() private view {
        RegistryModel.Consent[] memory models = _handler.models();
        for (uint256 i = 0; i < models.length; ++i) {
            holds(models[i].recordings == (models[i].recordedAt == 0 ? 0 : 1), "Recorded events");
            holds(models[i].revocations == (models[i].isRevoked ? 1 : 0), "Revoked events");
        }
    }

    function invariant_aTombstoneIsNeverRecorded() private view {
        ConsentId[] memory ids = _handler.ids();
        RegistryModel.Consent[] memory models = _handler.models();
        for (uint256 i = 0; i < ids.length; ++i) {
            if (models[i].revocations == 0) continue;
            (, uint40 until, uint40 recordedAt,) = _registry.consentOf(ids[i]);
            holds(until == 0, "until of what was revoked");
            holds(models[i].recordings == (recordedAt == 0 ? 0 : 1), "a recorded tombstone");
        }
    }

    function invariant_consentsAreRecordedBeforeTheyEndAndNotInTheLastEpoch() private view {
        ConsentId[] memory ids = _handler.ids();
        RegistryModel.Consent[] memory models = _handler.models();
        for (uint256 i = 0; i < ids.length; ++i) {
            (,, uint40 recordedAt,) = _registry.consentOf(ids[i]);
            holds(recordedAt <= block.timestamp, "recorded in the future");
            holds(recordedAt < models[i].until, "recorded after its end");
            holds(recordedAt == 0 || models[i].epoch < LAST_EPOCH, "recorded in the last epoch");
        }
    }

    function invariant_epochsAreTheModelsAndGoOnOneByOne() private view {
        (address[] memory controllers, uint16[] memory epochs) = _handler.epochs();
        for (uint256 who = 0; who < controllers.length; ++who) {
            holds(_registry.epochOf(controllers[who]) == epochs[who], "epoch");
        }
        holds(_handler.leaps() == 0, "an epoch went back, or leapt");
    }

    function invariant_nobodyActsForAnother() private view {
        holds(_handler.trespasses() == 0, "something happened to a bystander");
    }

    function invariant_everyChangeHasItsEventAndEveryEventItsChange() private view {
        holds(_handler.unmatched() == 0, "a silent change, or an empty event");
    }

    function invariant_theRegistryHoldsNoEther() private view {
        holds(address(_registry).balance == 0, "ether");
    }

    function handler() internal view override returns (Handler) {
        return _handler;
    }

    function assertState(ConsentId id, ConsentState expected, string memory why) private view {
        holds(_registry.stateOf(id) == expected, why);
    }
}
