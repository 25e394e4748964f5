// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentId} from "../src/IConsentRegistry.sol";
import {ISigned} from "../src/ISigned.sol";
import {vm} from "../test/Vm.sol";
import {AnyRegistry, Stored} from "./AnyRegistry.sol";
import {both} from "./Logic.sol";

/// @dev What is a signature and what is not, asked of the registry with a revocation.
contract SignatureProperties is AnyRegistry {
    ConsentId private constant ID = ConsentId.wrap(keccak256("some consent"));

    function setUp() public override {
        super.setUp();
        deployWallet();
    }

    function check_an_account_without_code_signs_with_65_bytes(bytes memory signature) public {
        address signer = active().controller;
        vm.assume(both(signer != address(wallet), signature.length != 65));
        assert(!isTaken(signature));
    }

    function check_a_key_never_signs_with_s_in_the_upper_half(bytes32 r, bytes32 s, uint8 v) public {
        vm.assume(uint256(s) > HALF_ORDER);
        vm.assume(active().controller != address(wallet));
        assert(!isTaken(abi.encodePacked(r, s, v)));
    }

    function check_the_zero_address_signs_nothing(bytes memory signature) public {
        Stored memory stored = storedOf(ID);
        vm.assume(both(stored.controller == address(0), stored.until != 0));
        assert(!isTaken(signature));
    }

    function check_NotDeployed_is_exactly_for_signatures_with_the_erc6492_suffix(bytes calldata signature)
        public
    {
        address signer = active().controller;
        vm.assume(signer.code.length == 0);
        vm.assume(!isSignedByKey(revocationOf(domain, ID), signer, signature));
        bool endsSo = signature.length >= 32 && bytes32(signature[signature.length - 32:]) == COUNTERFACTUAL;
        try registry.revokeSigned(ID, signature) {
            assert(false);
        } catch (bytes memory reason) {
            bytes4 refusal = endsSo ? ISigned.NotDeployed.selector : ISigned.BadSignature.selector;
            assert(bytes4(reason) == refusal);
        }
    }

    function check_a_key_that_is_not_the_signers_is_refused(bytes memory signature) public {
        address signer = active().controller;
        vm.assume(signer != address(wallet));
        vm.assume(!isSignedByKey(revocationOf(domain, ID), signer, signature));
        assert(!isTaken(signature));
    }

    function check_the_key_of_a_wallet_needs_no_answer_of_its_code(bytes memory signature) public {
        vm.assume(active().controller == address(wallet));
        vm.assume(isSignedByKey(revocationOf(domain, ID), address(wallet), signature));
        assert(isTaken(signature));
    }

    function check_a_wallet_that_reverts_agrees_to_nothing(bytes memory signature) public {
        onlyTheWallet(signature);
        vm.assume(wallet.isReverting());
        assert(!isTaken(signature));
    }

    function check_an_answer_shorter_than_a_word_is_no(bytes memory signature) public {
        onlyTheWallet(signature);
        vm.assume(wallet.length() < 32);
        assert(!isTaken(signature));
    }

    function check_an_answer_that_is_another_word_is_no(bytes memory signature) public {
        onlyTheWallet(signature);
        vm.assume(wallet.word() != bytes32(bytes4(0x1626ba7e)));
        assert(!isTaken(signature));
    }

    function check_a_wallet_that_agrees_is_believed_or_there_was_too_little_gas(bytes memory signature)
        public
    {
        onlyTheWallet(signature);
        vm.assume(wallet.accepts());
        try registry.revokeSigned(ID, signature) {
            assert(storedOf(ID).until == 0);
        } catch (bytes memory reason) {
            assert(bytes4(reason) == ISigned.NotEnoughGas.selector);
        }
    }

    /// @dev The consent, of whatever controller, and not revoked.
    function active() private view returns (Stored memory stored) {
        stored = storedOf(ID);
        vm.assume(both(stored.controller != address(0), stored.until != 0));
    }

    /// @dev The consent is the wallet's, whose key did not sign.
    function onlyTheWallet(bytes memory signature) private view {
        vm.assume(active().controller == address(wallet));
        vm.assume(!isSignedByKey(revocationOf(domain, ID), address(wallet), signature));
    }

    function isTaken(bytes memory signature) private returns (bool taken) {
        (taken,) = address(registry).call(abi.encodeCall(registry.revokeSigned, (ID, signature)));
    }
}
