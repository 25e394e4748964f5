// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev Halmos's own cheatcodes, as far as they are in use.
interface Svm {
    function createUint256(string calldata name) external returns (uint256 value);
    function createAddress(string calldata name) external returns (address value);
    function createCalldata(string calldata contractName) external returns (bytes memory data);
    function enableSymbolicStorage(address account) external;
}

/// @dev Those of forge that halmos answers and ../test/Vm.sol does not declare. A path of code starts from the folder
///      that holds `foundry.toml`.
interface MoreVm {
    function getCode(string calldata path) external view returns (bytes memory creationCode);
    function deal(address account, uint256 balance) external;
}

Svm constant svm = Svm(address(uint160(uint256(keccak256("svm cheat code")))));
MoreVm constant moreVm = MoreVm(address(uint160(uint256(keccak256("hevm cheat code")))));
