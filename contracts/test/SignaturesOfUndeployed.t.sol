// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISigned} from "../src/ISigned.sol";
import {SignaturesCatalogue} from "./SignaturesCatalogue.sol";
import {vm} from "./Vm.sol";
import {WalletFactory} from "./Wallets.sol";

/// @dev A wallet that is not deployed yet, and whose signatures say so (ERC-6492): all are refused for that,
///      the good one too. Once it is deployed, the same signature without the wrapping counts.
contract CounterfactualSignatures is SignaturesCatalogue {
    WalletFactory internal factory;

    function accounts() internal override returns (address, address) {
        factory = new WalletFactory();
        return (factory.walletOf(vm.addr(KEY), 0), factory.walletOf(vm.addr(KEY), 1));
    }

    function objection() internal pure virtual override returns (bytes4) {
        return ISigned.NotDeployed.selector;
    }

    function asSent(bytes memory signature) internal view virtual override returns (bytes memory) {
        bytes memory call = abi.encodeCall(factory.deploy, (vm.addr(KEY), 0));
        return counterfactual(address(factory), call, signature);
    }

    function makeReady() internal override {
        if (account.code.length > 0) return;
        vm.assertEq(factory.deploy(vm.addr(KEY), 0), account, "account");
        vm.assertEq(factory.deploy(vm.addr(KEY), 1), other, "other");
    }

    function test_refuseTheGoodOneUntilDeployed() public {
        refuseForged(theGoodOne);
    }

    function test_nobodysFactoryIsCalled() public {
        Message memory message = messageOf(account);
        vm.expectCall(address(factory), abi.encodeCall(factory.deploy, (vm.addr(KEY), 0)), 0);
        refuse(Act.RecordSigned, message, asSent(good(Act.RecordSigned, message)), objection());
        vm.assertEq(account.code.length, 0, "deployed");
    }

    function theGoodOne(Act act, Message memory message) private view returns (bytes[] memory) {
        return listOf(good(act, message));
    }
}

/// @dev The same wallet, whose signatures are sent as if it were deployed.
contract UndeployedSignatures is CounterfactualSignatures {
    function objection() internal pure override returns (bytes4) {
        return ISigned.BadSignature.selector;
    }

    function asSent(bytes memory signature) internal pure override returns (bytes memory) {
        return signature;
    }
}
