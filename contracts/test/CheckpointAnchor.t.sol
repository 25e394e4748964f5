// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICheckpointAnchor} from "../src/ICheckpointAnchor.sol";
import {vm} from "./Vm.sol";

contract CheckpointAnchorTest {
    address private constant GATEWAY = address(0x6A7E);
    bytes32 private constant ROOT = keccak256("root");

    ICheckpointAnchor private _anchor;

    function setUp() public {
        vm.roll(1234);
        _anchor = ICheckpointAnchor(vm.deployCode("CheckpointAnchor.sol:CheckpointAnchor"));
    }

    function test_anchorsTheFirstCheckpoint() public {
        vm.expectEmit(address(_anchor));
        emit ICheckpointAnchor.Anchored(GATEWAY, 0, 10, ROOT);
        anchorFrom(GATEWAY, 0, 10);
        assertLatest(GATEWAY, 10, 1234, ROOT);
    }

    function test_anchorsTheNextCheckpoint() public {
        anchorFrom(GATEWAY, 0, 10);
        vm.roll(1300);
        vm.expectEmit(address(_anchor));
        emit ICheckpointAnchor.Anchored(GATEWAY, 10, 11, ROOT);
        anchorFrom(GATEWAY, 10, 11);
        assertLatest(GATEWAY, 11, 1300, ROOT);
    }

    function test_sendersHaveLogsOfTheirOwn() public {
        anchorFrom(GATEWAY, 0, 10);
        anchorFrom(address(this), 0, 5);
        assertLatest(GATEWAY, 10, 1234, ROOT);
        assertLatest(address(this), 5, 1234, ROOT);
        assertLatest(address(0xBEEF), 0, 0, 0);
    }

    function test_refuseAStaleOldSize() public {
        anchorFrom(GATEWAY, 0, 10);
        refuseOldSize(0, 20);
        refuseOldSize(9, 20);
        refuseOldSize(11, 20);
        assertLatest(GATEWAY, 10, 1234, ROOT);
    }

    function test_refuseTheSameCheckpointTwice() public {
        anchorFrom(GATEWAY, 0, 10);
        refuseOldSize(0, 10);
    }

    function test_refuseNoGrowth() public {
        anchorFrom(GATEWAY, 0, 10);
        for (uint64 size = 9; size <= 10; ++size) {
            vm.expectRevert(abi.encodeWithSelector(ICheckpointAnchor.NotGrowing.selector, 10, size));
            anchorFrom(GATEWAY, 10, size);
        }
    }

    function test_refuseAnEmptyLog() public {
        vm.expectRevert(abi.encodeWithSelector(ICheckpointAnchor.NotGrowing.selector, 0, 0));
        anchorFrom(GATEWAY, 0, 0);
    }

    function test_growthIsCapped() public {
        uint64 most = _anchor.MAX_GROWTH();
        vm.assertEq(most, 2 ** 24, "MAX_GROWTH");
        vm.expectRevert(abi.encodeWithSelector(ICheckpointAnchor.GrowsTooMuch.selector, 0, most + 1));
        anchorFrom(GATEWAY, 0, most + 1);
        anchorFrom(GATEWAY, 0, most);
        anchorFrom(GATEWAY, most, 2 * most);
    }

    function testFuzz_onlyGrowsFromWhereItIs(uint64 first, uint64 oldSize, uint64 newSize) public {
        uint64 most = _anchor.MAX_GROWTH();
        first = 1 + first % most;
        anchorFrom(GATEWAY, 0, first);
        bool isGood = oldSize == first && newSize > oldSize && newSize - oldSize <= most;
        vm.prank(GATEWAY);
        try _anchor.anchor(oldSize, newSize, ROOT) {
            vm.assertTrue(isGood, "accepted");
        } catch {
            vm.assertFalse(isGood, "refused");
        }
    }

    function anchorFrom(address sender, uint64 oldSize, uint64 newSize) private {
        vm.prank(sender);
        _anchor.anchor(oldSize, newSize, ROOT);
    }

    function refuseOldSize(uint64 oldSize, uint64 newSize) private {
        vm.expectRevert(abi.encodeWithSelector(ICheckpointAnchor.NotCurrent.selector, GATEWAY, oldSize, 10));
        anchorFrom(GATEWAY, oldSize, newSize);
    }

    function assertLatest(address sender, uint64 size, uint64 blockNumber, bytes32 root) private view {
        (uint64 latestSize, uint64 latestBlock, bytes32 latestRoot) = _anchor.latestOf(sender);
        vm.assertEq(latestSize, size, "size");
        vm.assertEq(latestBlock, blockNumber, "block");
        vm.assertEq(latestRoot, root, "root");
    }
}
