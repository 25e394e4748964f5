// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {vm} from "./Vm.sol";

/// @dev Does something to a contract in each act, and counts what came of it: a campaign in which something never
///      happened proves nothing about it.
abstract contract Handler {
    error Unexpected(string what);

    uint256 private _acts;

    /// @dev How often something came about, by its name or by the selector of the error that refused it.
    mapping(bytes32 what => uint256 times) public reached;

    /// @notice The acts that a campaign is made of; each takes a seed.
    function acts() external pure virtual returns (bytes4[] memory);

    /// @notice All that a campaign must come across.
    function reachable() external pure virtual returns (bytes32[] memory);

    /// @dev Costs little as long as it does, unlike asking `vm`: it is asked for millions of times.
    function _expect(bool condition, string memory what) internal pure {
        if (!condition) revert Unexpected(what);
    }

    function _reach(bytes32 what) internal {
        ++reached[what];
    }

    function _actsSoFar() internal view returns (uint256) {
        return _acts;
    }

    /// @dev Even luck for every act: forge likes to give the same seeds again and again.
    function _roll(uint256 seed) internal returns (uint256) {
        return uint256(keccak256(abi.encode(seed, ++_acts)));
    }
}

/// @dev What tests of invariants have in common: forge performs the handler's acts, and no others.
abstract contract Campaign {
    error Broken(string what);

    struct FuzzSelector {
        address target;
        bytes4[] selectors;
    }

    uint256 private constant ACTS = 2_000;

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler());
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler()), handler().acts());
    }

    /// @dev The same acts as a campaign's, as many as in twenty runs: everything happens.
    function test_aCampaignComesAcrossEverything() external {
        bytes4[] memory acts = handler().acts();
        bytes32[] memory all = handler().reachable();
        uint256[] memory times = new uint256[](all.length);
        uint256 start = vm.snapshotState();
        for (uint256 seed = 0; seed < ACTS; ++seed) {
            uint256 roll = uint256(keccak256(abi.encode(seed)));
            (bool success,) = address(handler()).call(abi.encodeWithSelector(acts[roll % acts.length], roll));
            vm.assertTrue(success, "an act failed");
            if ((seed + 1) % 100 > 0) continue;
            for (uint256 i = 0; i < all.length; ++i) {
                times[i] += handler().reached(all[i]);
            }
            vm.revertToState(start);
        }
        for (uint256 i = 0; i < all.length; ++i) {
            vm.assertTrue(times[i] > 0, string.concat("never: ", string(bytes.concat(all[i]))));
        }
    }

    function holds(bool condition, string memory what) internal pure {
        if (!condition) revert Broken(what);
    }

    function handler() internal view virtual returns (Handler);
}
