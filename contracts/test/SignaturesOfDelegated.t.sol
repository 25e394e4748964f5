// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

import {SignaturesCatalogue} from "./SignaturesCatalogue.sol";
import {vm} from "./Vm.sol";
import {BareAccount, OwnedWallet, RevertingWallet} from "./Wallets.sol";

/// @dev Accounts whose own keys sign for them.
abstract contract OwnKey is SignaturesCatalogue {
    function keyOf(address signer) internal view override returns (uint256) {
        return signer == other ? OTHER_KEY : KEY;
    }
}

/// @dev An account delegated under EIP-7702 to code that has `isValidSignature`, and takes the signature of
///      another key: here the account's own key signs, which counts whatever the code says.
contract DelegatedWalletSignatures is OwnKey {
    function accounts() internal override returns (address, address) {
        address code = address(new OwnedWallet(vm.addr(KEY + 2), 0));
        return (delegated(KEY, code), delegated(OTHER_KEY, code));
    }

    function test_theKeyOutlivesEveryDelegation() public {
        Message memory message = messageOf(account);
        bytes memory signature = good(Act.RecordSigned, message);
        delegated(KEY, address(new RevertingWallet()));
        delegated(KEY, address(0xC0FFEE));
        accept(Act.RecordSigned, message, signature);
    }

    function test_theKeyIsNotAskedOfTheCode() public {
        Message memory message = messageOf(account);
        vm.expectCall(account, abi.encodeWithSelector(IERC1271.isValidSignature.selector), 0);
        accept(Act.RecordSigned, message, good(Act.RecordSigned, message));
    }
}

/// @dev The same kind of account, for which the key that its code knows signs.
contract DelegatedWalletOwnerSignatures is SignaturesCatalogue {
    function accounts() internal override returns (address, address) {
        address code = address(new OwnedWallet(vm.addr(KEY), 0));
        return (delegated(KEY + 1, code), delegated(KEY + 2, code));
    }

    /// @dev What the code said counts as long as the account points to it.
    function test_refuseAfterTheDelegationChanged() public {
        Message memory message = messageOf(account);
        bytes memory signature = good(Act.RecordSigned, message);
        delegated(KEY + 1, address(new OwnedWallet(vm.addr(KEY + 3), 0)));
        refuse(Act.RecordSigned, message, signature, objection());
        accept(Act.RecordSigned, message, signed(KEY + 3, digestFor(Act.RecordSigned, message)));
    }
}

/// @dev An account delegated to code without `isValidSignature`.
contract DelegatedBareSignatures is OwnKey {
    function accounts() internal override returns (address, address) {
        address code = address(new BareAccount());
        return (delegated(KEY, code), delegated(OTHER_KEY, code));
    }

    /// @dev It has code, so it is no wallet to be.
    function test_refuseWrapped() public {
        Message memory message = messageOf(account);
        bytes memory wrapped = counterfactual(address(1), "", good(Act.RecordSigned, message));
        refuse(Act.RecordSigned, message, wrapped, objection());
    }
}

/// @dev An account delegated to an address without code, which answers every call with success and no data.
contract DelegatedToNothingSignatures is OwnKey {
    function accounts() internal override returns (address, address) {
        return (delegated(KEY, address(0xC0FFEE)), delegated(OTHER_KEY, address(0xC0FFEE)));
    }
}

/// @dev An account delegated to another delegated one: a delegation is followed once, and what it leads to
///      here is no code that runs.
contract DelegatedToDelegatedSignatures is OwnKey {
    function accounts() internal override returns (address, address) {
        address code = delegated(KEY + 2, address(new OwnedWallet(vm.addr(KEY + 3), 0)));
        return (delegated(KEY, code), delegated(OTHER_KEY, code));
    }
}
