// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev What the registry stores about a consent, in one word so that it is read once and written once. From the
///      highest bit: epoch 16, recordedAt 40, until 40, controller 160. Zero is nothing: a known consent has a
///      controller. A revoked one has no `until`, and one revoked before it was recorded no `recordedAt`.
type Entry is uint256;

using {controllerOf, untilOf, recordedAtOf, epochOf, isNothing, isRevoked, revoked} for Entry global;

function entryOf(address controller, uint40 until, uint40 recordedAt, uint16 epoch) pure returns (Entry) {
    return Entry.wrap(
        uint256(epoch) << 240 | uint256(recordedAt) << 200 | uint256(until) << 160 | uint160(controller)
    );
}

function controllerOf(Entry entry) pure returns (address) {
    return address(uint160(Entry.unwrap(entry)));
}

function untilOf(Entry entry) pure returns (uint40) {
    return uint40(Entry.unwrap(entry) >> 160);
}

function recordedAtOf(Entry entry) pure returns (uint40) {
    return uint40(Entry.unwrap(entry) >> 200);
}

function epochOf(Entry entry) pure returns (uint16) {
    return uint16(Entry.unwrap(entry) >> 240);
}

function isNothing(Entry entry) pure returns (bool) {
    return Entry.unwrap(entry) == 0;
}

function isRevoked(Entry entry) pure returns (bool) {
    return !entry.isNothing() && entry.untilOf() == 0;
}

/// @dev The entry without its `until`.
function revoked(Entry entry) pure returns (Entry) {
    return Entry.wrap(Entry.unwrap(entry) & ~(uint256(type(uint40).max) << 160));
}
