// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICheckpointAnchor} from "./ICheckpointAnchor.sol";

/// @title The checkpoint anchor.
contract CheckpointAnchor is ICheckpointAnchor {
    struct Anchor {
        uint64 size;
        uint64 blockNumber;
        bytes32 root;
    }

    /// @inheritdoc ICheckpointAnchor
    uint64 public constant override MAX_GROWTH = 2 ** 24;

    /// @inheritdoc ICheckpointAnchor
    mapping(address sender => Anchor latest) public override latestOf;

    /// @inheritdoc ICheckpointAnchor
    function anchor(uint64 oldSize, uint64 newSize, bytes32 root) external override {
        Anchor storage latest = latestOf[msg.sender];
        if (oldSize != latest.size) revert NotCurrent(msg.sender, oldSize, latest.size);
        if (newSize <= oldSize) revert NotGrowing(oldSize, newSize);
        if (newSize - oldSize > MAX_GROWTH) revert GrowsTooMuch(oldSize, newSize);
        latestOf[msg.sender] = Anchor({size: newSize, blockNumber: uint64(block.number), root: root});
        emit Anchored(msg.sender, oldSize, newSize, root);
    }
}
