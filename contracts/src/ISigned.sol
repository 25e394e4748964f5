// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The refusals of every function that takes a signature.
interface ISigned {
    /// @notice Neither the key of `signer` nor, where it is a deployed wallet, the wallet itself signed `digest`.
    error BadSignature(address signer, bytes32 digest);

    /// @notice The signature says by its ERC-6492 suffix that `signer` is a wallet to be, and it has no code yet.
    /// @dev Nobody's factory is called here. Once the wallet is deployed, its plain signature is good.
    error NotDeployed(address signer, bytes32 digest);

    /// @notice The signer is a wallet, and the gas `left` cannot grant it what every wallet is granted.
    /// @dev Thrown instead of calling the wallet short of gas, so that whoever relays cannot make a good
    ///      signature look bad. It ends the whole call, a batch included; send it again with more gas.
    error NotEnoughGas(uint256 left, uint256 needed);
}
