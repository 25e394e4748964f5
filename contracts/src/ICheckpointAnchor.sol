// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Roots of append-only logs, put where nobody can take them back.
///
/// @notice A log is named `consent-ledger/<chain id>/<this contract>/<sender>`: each sender has exactly one, and
///         nobody else can write to it. A log only grows. A size that was anchored is never anchored again.
///
/// @dev Whether a root is consistent with the one before is for whoever holds the log to check; the chain only
///      keeps every root it was given.
interface ICheckpointAnchor {
    /// @notice The log of `sender` had `root` when it had `newSize` entries; before, `oldSize` were anchored.
    event Anchored(address indexed sender, uint64 oldSize, uint64 newSize, bytes32 root);

    /// @notice The log is anchored at `current` entries, not at `oldSize`.
    error NotCurrent(address sender, uint64 oldSize, uint64 current);

    /// @notice A log only grows.
    error NotGrowing(uint64 oldSize, uint64 newSize);

    /// @notice One anchor adds at most `MAX_GROWTH` entries, so that a mistyped size cannot end a log.
    error GrowsTooMuch(uint64 oldSize, uint64 newSize);

    /// @notice Anchors the caller's log at `newSize` entries.
    /// @param oldSize the size it is anchored at; 0 at first
    /// @param root RFC 6962 root of the first `newSize` entries
    function anchor(uint64 oldSize, uint64 newSize, bytes32 root) external;

    /// @notice The latest anchor of a sender's log; all zero if there is none.
    /// @return size how many entries it covers
    /// @return blockNumber the block that it was made in
    /// @return root RFC 6962 root of these entries
    function latestOf(address sender) external view returns (uint64 size, uint64 blockNumber, bytes32 root);

    /// @notice How many entries one anchor can add.
    function MAX_GROWTH() external view returns (uint64);
}
