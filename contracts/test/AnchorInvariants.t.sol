// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICheckpointAnchor} from "../src/ICheckpointAnchor.sol";
import {AnchorHandler} from "./AnchorHandler.sol";
import {Campaign, Handler} from "./Campaign.sol";
import {vm} from "./Vm.sol";

/// @dev What holds of anchored logs after any interleaving of good and bad anchors of several senders.
contract AnchorInvariants is Campaign {
    uint256 private constant SENDERS = 3;

    ICheckpointAnchor private _anchor;
    AnchorHandler private _handler;

    function setUp() external {
        _anchor = ICheckpointAnchor(vm.deployCode("CheckpointAnchor.sol:CheckpointAnchor"));
        _handler = new AnchorHandler(_anchor);
    }

    /// @dev All in one campaign: for each that stood alone, forge would go through the very same acts once more.
    function invariant_all() external view {
        invariant_theLatestAnchorIsTheModels();
        invariant_logsGrowStepByStepAndByAtMostTheCap();
        invariant_everyRootIsKeptInTheEventsAsItWasGiven();
        invariant_anActChangesTheLogOfItsSenderAndSaysSo();
        invariant_theAnchorHoldsNoEther();
    }

    function invariant_theLatestAnchorIsTheModels() private view {
        for (uint256 who = 0; who < SENDERS; ++who) {
            AnchorHandler.Log memory log = _handler.logAt(who);
            (uint64 size, uint64 blockNumber, bytes32 root) = _anchor.latestOf(_handler.senderAt(who));
            holds(size == log.size, "size");
            holds(blockNumber == log.blockNumber, "block");
            holds(root == log.root, "root");
        }
    }

    function invariant_logsGrowStepByStepAndByAtMostTheCap() private view {
        holds(_handler.badSteps() == 0, "a step back, aside or too far");
    }

    function invariant_everyRootIsKeptInTheEventsAsItWasGiven() private view {
        for (uint256 who = 0; who < SENDERS; ++who) {
            AnchorHandler.Log memory log = _handler.logAt(who);
            holds(log.eventsHash == log.givenHash, "the history in the events");
        }
    }

    function invariant_anActChangesTheLogOfItsSenderAndSaysSo() private view {
        holds(_handler.unmatched() == 0, "a silent change, an empty event, or another's log");
    }

    function invariant_theAnchorHoldsNoEther() private view {
        holds(address(_anchor).balance == 0, "ether");
    }

    function handler() internal view override returns (Handler) {
        return _handler;
    }
}
