// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICheckpointAnchor} from "../src/ICheckpointAnchor.sol";
import {vm} from "../test/Vm.sol";
import {Deployed} from "./Deployed.sol";
import {both} from "./Logic.sol";
import {svm} from "./Svm.sol";

/// @dev The anchor, with any storage and in any block.
contract AnchorProperties is Deployed {
    struct Anchor {
        uint64 size;
        uint64 blockNumber;
        bytes32 root;
    }

    uint64 private constant MOST = 2 ** 24;

    ICheckpointAnchor private anchors;

    function setUp() public {
        anchors = ICheckpointAnchor(anyDeployed("CheckpointAnchor", ""));
        vm.roll(svm.createUint256("block"));
    }

    function check_anchor_succeeds_exactly_when_it_goes_on_from_the_latest(
        address sender,
        uint64 oldSize,
        uint64 newSize,
        bytes32 root
    ) public {
        bool isCurrent = oldSize == latestOf(sender).size;
        bool isPossible = isCurrent && newSize > oldSize && newSize - oldSize <= MOST;
        vm.prank(sender);
        try anchors.anchor(oldSize, newSize, root) {
            assert(isPossible);
        } catch {
            assert(!isPossible);
        }
    }

    function check_what_was_anchored_is_stored_whole(
        address sender,
        uint64 oldSize,
        uint64 newSize,
        bytes32 root
    ) public {
        vm.prank(sender);
        anchors.anchor(oldSize, newSize, root);
        assert(same(latestOf(sender), Anchor(newSize, uint64(block.number), root)));
    }

    function check_nobody_writes_to_the_log_of_another(address sender, address other) public {
        vm.assume(sender != other);
        Anchor memory before = latestOf(other);
        anyCall(sender);
        assert(same(latestOf(other), before));
    }

    function check_a_log_grows_by_some_entries_or_stays_as_it_is(address sender) public {
        Anchor memory before = latestOf(sender);
        anyCall(sender);
        Anchor memory afterwards = latestOf(sender);
        uint64 size = afterwards.size;
        assert(same(afterwards, before) || (size > before.size && size - before.size <= MOST));
    }

    function check_a_size_that_was_anchored_is_never_anchored_again(
        address sender,
        uint64 size,
        bytes32 one,
        bytes32 other
    ) public {
        uint64 before = latestOf(sender).size;
        vm.prank(sender);
        anchors.anchor(before, size, one);
        anyCall(sender);
        vm.assume(latestOf(sender).size == size);
        assert(latestOf(sender).root == one);
        vm.prank(sender);
        (bool success,) = address(anchors).call(abi.encodeCall(anchors.anchor, (size, size, other)));
        assert(!success);
    }

    function latestOf(address sender) private view returns (Anchor memory latest) {
        (latest.size, latest.blockNumber, latest.root) = anchors.latestOf(sender);
    }

    function same(Anchor memory left, Anchor memory right) private pure returns (bool) {
        return
            both(
                both(left.size == right.size, left.blockNumber == right.blockNumber), left.root == right.root
            );
    }

    function anyCall(address sender) private {
        bytes memory data = svm.createCalldata("CheckpointAnchor");
        vm.prank(sender);
        (bool success,) = address(anchors).call(data);
        vm.assume(success);
    }
}
