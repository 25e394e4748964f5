// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICheckpointAnchor} from "../src/ICheckpointAnchor.sol";
import {Handler} from "./Campaign.sol";
import {Vm, vm} from "./Vm.sol";

/// @dev Anchors the logs of three senders, well and badly, beside a model. The last log is near the largest size.
contract AnchorHandler is Handler {
    struct Log {
        uint64 size;
        uint64 blockNumber;
        bytes32 root;
        bytes32 givenHash;
        bytes32 eventsHash;
        uint64 eventSize;
    }

    uint64 private constant MOST = 2 ** 24;
    uint256 private constant SENDERS = 3;
    uint64 private constant LATE = type(uint64).max - 2 * MOST;

    ICheckpointAnchor private immutable ANCHOR;

    Log[SENDERS] private _logs;
    address private _caller;

    /// @notice How many events did not go on from where the one before was, by more than nothing and at most the cap.
    uint256 public badSteps;

    /// @notice How many acts wrote without an event, or something else than the event of the caller's log says.
    uint256 public unmatched;

    modifier watched() {
        _caller = address(0);
        vm.recordLogs();
        vm.record();
        _;
        _compareEventsWithStorage();
    }

    constructor(ICheckpointAnchor anchor) {
        ANCHOR = anchor;
        (_logs[2].size, _logs[2].eventSize) = (LATE, LATE);
        vm.store(address(anchor), _slotOf(senderAt(2)), bytes32(uint256(LATE)));
    }

    function mine(uint256 seed) external watched {
        vm.roll(block.number + _roll(seed) % 100);
    }

    function anchorNext(uint256 seed) external watched {
        uint256 roll = _roll(seed);
        uint64 size = _logs[roll % SENDERS].size;
        uint64 room = type(uint64).max - size;
        uint64 growth = 1 + uint64(roll >> 64) % MOST;
        _anchor(roll, size, size + (growth < room ? growth : room));
    }

    /// @dev Sizes on and about every limit there is.
    function anchorAnything(uint256 seed) external watched {
        uint256 roll = _roll(seed);
        uint64 size = _logs[roll % SENDERS].size;
        uint64[4] memory sizes = [0, 1, MOST, type(uint64).max];
        unchecked {
            uint64 old = size + (roll >> 8 & 1 == 0 ? 0 : uint64(roll >> 16) % 3 - 1);
            uint64 newSize = (roll >> 24 & 1 == 0 ? old : 0) + sizes[roll >> 32 & 3] + uint64(roll >> 40) % 2;
            _anchor(roll, old, newSize);
        }
    }

    /// @dev No function takes ether, and there is none that is called by sending it.
    function pay(uint256 seed) external watched {
        uint256 roll = _roll(seed);
        bytes memory call = roll % 2 == 0 ? bytes("") : abi.encodeCall(ANCHOR.anchor, (0, 1, bytes32(roll)));
        vm.deal(address(this), 1);
        (bool success,) = address(ANCHOR).call{value: 1}(call);
        _expect(!success, "took ether");
        _reach("pay");
    }

    function logAt(uint256 who) external view returns (Log memory) {
        return _logs[who];
    }

    function senderAt(uint256 who) public pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode("sender", who)))));
    }

    function acts() external pure override returns (bytes4[] memory selectors) {
        selectors = new bytes4[](4);
        selectors[0] = this.mine.selector;
        selectors[1] = this.anchorNext.selector;
        selectors[2] = this.anchorAnything.selector;
        selectors[3] = this.pay.selector;
    }

    function reachable() external pure override returns (bytes32[] memory whats) {
        whats = new bytes32[](8);
        whats[0] = "first";
        whats[1] = "next";
        whats[2] = "grown by the cap";
        whats[3] = "full";
        whats[4] = "pay";
        whats[5] = ICheckpointAnchor.NotCurrent.selector;
        whats[6] = ICheckpointAnchor.NotGrowing.selector;
        whats[7] = ICheckpointAnchor.GrowsTooMuch.selector;
    }

    function _anchor(uint256 roll, uint64 oldSize, uint64 newSize) private {
        Log storage log = _logs[roll % SENDERS];
        _caller = senderAt(roll % SENDERS);
        vm.prank(_caller);
        try ANCHOR.anchor(oldSize, newSize, bytes32(roll)) {
            _expect(_isStep(log.size, oldSize, newSize), "anchored what cannot be");
            _reach(oldSize == 0 ? bytes32("first") : bytes32("next"));
            if (newSize - oldSize == MOST) _reach("grown by the cap");
            if (newSize == type(uint64).max) _reach("full");
            (log.size, log.blockNumber, log.root) = (newSize, uint64(block.number), bytes32(roll));
            log.givenHash = keccak256(abi.encode(log.givenHash, oldSize, newSize, roll));
        } catch (bytes memory reason) {
            bytes4 selector = bytes4(reason);
            if (selector == ICheckpointAnchor.NotCurrent.selector) _expect(oldSize != log.size, "current");
            else if (selector == ICheckpointAnchor.NotGrowing.selector) _expect(newSize <= oldSize, "growing");
            else _expect(newSize > oldSize && newSize - oldSize > MOST, "does not grow too much");
            _reach(selector);
        }
    }

    /// @dev The one event of an act is of the caller's log, and names both words that the act wrote.
    function _compareEventsWithStorage() private {
        (, bytes32[] memory writes) = vm.accesses(address(ANCHOR));
        vm.stopRecord();
        Vm.Log[] memory events = vm.getRecordedLogs();
        if (events.length == 0) {
            unmatched += writes.length;
            return;
        }
        for (uint256 i = 0; i < writes.length; ++i) {
            if (uint256(writes[i]) - uint256(_slotOf(_caller)) > 1) ++unmatched;
        }
        if (events.length != 1 || events[0].topics[1] != bytes32(uint256(uint160(_caller)))) ++unmatched;
        else _count(events[0]);
    }

    function _count(Vm.Log memory anchored) private {
        (uint64 oldSize, uint64 newSize, bytes32 root) = abi.decode(anchored.data, (uint64, uint64, bytes32));
        for (uint256 who = 0; who < SENDERS; ++who) {
            if (senderAt(who) != _caller) continue;
            Log storage log = _logs[who];
            log.eventsHash = keccak256(abi.encode(log.eventsHash, oldSize, newSize, root));
            if (!_isStep(log.eventSize, oldSize, newSize)) ++badSteps;
            log.eventSize = newSize;
        }
    }

    function _isStep(uint64 size, uint64 oldSize, uint64 newSize) private pure returns (bool) {
        return oldSize == size && newSize > oldSize && newSize - oldSize <= MOST;
    }

    /// @dev The first of two words: size and block number, then the root.
    function _slotOf(address sender) private pure returns (bytes32) {
        return keccak256(abi.encode(sender, 0));
    }
}
