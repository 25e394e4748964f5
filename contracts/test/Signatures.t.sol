// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentId, ConsentState, SignedConsent} from "../src/IConsentRegistry.sol";
import {ISigned, Signatures} from "../src/Signatures.sol";
import {RegistryFixture} from "./RegistryFixture.sol";
import {vm} from "./Vm.sol";
import {
    BurningWallet,
    FloodingWallet,
    OwnedWallet,
    ParrotWallet,
    PickyWallet,
    RevertingWallet,
    WritingWallet,
    YesRevertingWallet
} from "./Wallets.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

/// @dev What counts as a signature, seen through `recordSigned`.
contract SignaturesTest is RegistryFixture {
    uint256 private constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
    bytes32 private constant YES = IERC1271.isValidSignature.selector;

    function test_refuseNoSignature() public {
        refuse("");
    }

    function test_refuse64Bytes() public {
        (, bytes32 r, bytes32 s) = vm.sign(KEY, ConsentId.unwrap(idIn(0)));
        refuse(abi.encodePacked(r, s));
    }

    function test_refuse66Bytes() public {
        refuse(abi.encodePacked(signedIn(0).signature, bytes1(0)));
    }

    function test_refuseEveryOtherV() public {
        bytes memory signature = signedIn(0).signature;
        uint8 good = uint8(signature[64]);
        for (uint256 v = 0; v < 256; ++v) {
            if (v == good) continue;
            signature[64] = bytes1(uint8(v));
            refuse(signature);
        }
    }

    function test_refuseTheHighSTwin() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY, ConsentId.unwrap(idIn(0)));
        bytes32 twin = bytes32(ORDER - uint256(s));
        uint8 twinV = v == 27 ? 28 : 27;
        vm.assertEq(ecrecover(ConsentId.unwrap(idIn(0)), twinV, r, twin), controller, "the precompile agrees");
        refuse(abi.encodePacked(r, twin, twinV));
    }

    function test_refuseZeroROrS() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY, ConsentId.unwrap(idIn(0)));
        refuse(abi.encodePacked(bytes32(0), s, v));
        refuse(abi.encodePacked(r, bytes32(0), v));
    }

    /// @dev A recovery that fails gives the zero address, which must not be taken for a signer.
    function test_refuseTheZeroAddress() public {
        SignedConsent memory consent = signedIn(0);
        consent.controller = address(0);
        consent.signature[64] = 0;
        refuse(consent);
    }

    function test_refuseAnotherSigner() public {
        refuse(signed(KEY + 1, ConsentId.unwrap(idIn(0))));
    }

    function test_refuseWhenAnyFieldIsChanged() public {
        SignedConsent memory consent = signedIn(0);
        consent.controller = vm.addr(KEY + 1);
        refuse(consent);
        consent = signedIn(0);
        consent.termsHash = keccak256("other terms");
        refuse(consent);
        consent = signedIn(0);
        consent.until += 1;
        refuse(consent);
        consent = signedIn(0);
        consent.epoch = 1;
        setEpoch(controller, 1);
        refuse(consent);
    }

    function testFuzz_refuseAnyOtherBytes(bytes memory signature) public {
        vm.assume(keccak256(signature) != keccak256(signedIn(0).signature));
        refuse(signature);
    }

    function testFuzz_refuseEveryFlippedBit(uint256 bit) public {
        bytes memory signature = signedIn(0).signature;
        bit %= signature.length * 8;
        signature[bit / 8] ^= bytes1(uint8(1 << bit % 8));
        refuse(signature);
    }

    function test_acceptAWalletThatAccepts() public {
        address wallet = address(new OwnedWallet(vm.addr(KEY), 0));
        assertState(registry.recordSigned(consentOfWallet(wallet)), ConsentState.Active, "state");
    }

    function test_acceptAWalletThatSpendsAlmostTheCap() public {
        address wallet = address(new OwnedWallet(vm.addr(KEY), Signatures.WALLET_GAS - 20_000));
        assertState(registry.recordSigned(consentOfWallet(wallet)), ConsentState.Active, "state");
    }

    function test_refuseAWalletThatSpendsMoreThanTheCap() public {
        refuse(consentOfWallet(address(new OwnedWallet(vm.addr(KEY), Signatures.WALLET_GAS))));
    }

    function test_refuseAWalletThatDisagrees() public {
        refuse(consentOfWallet(address(new OwnedWallet(vm.addr(KEY + 1), 0))));
    }

    function test_refuseAWalletThatAnswersSomethingElse() public {
        refuseAnswer("");
        refuseAnswer(abi.encodePacked(bytes4(YES)));
        refuseAnswer(abi.encodePacked(bytes31(YES)));
        refuseAnswer(abi.encode(true));
        refuseAnswer(abi.encode(uint256(YES) >> 224));
        refuseAnswer(abi.encode(uint256(YES) | 1));
        refuseAnswer(abi.encode(bytes32(0), YES));
    }

    /// @dev What the answer leaves out must not be read from memory, where it would be zero here.
    function test_refuseAnAnswerThatIsCutOff() public {
        SignedConsent memory consent =
            consentOfWallet(address(new ParrotWallet(abi.encodePacked(bytes4(YES)))));
        consent.signature[64] = 0;
        refuse(consent);
    }

    function test_acceptAWalletThatAnswersAtLength() public {
        SignedConsent memory consent = consentOfWallet(address(new ParrotWallet(abi.encode(YES, YES))));
        assertState(registry.recordSigned(consent), ConsentState.Active, "state");
    }

    function test_aLongAnswerCostsTheCallerNothing() public {
        SignedConsent memory consent = consentOfWallet(address(new FloodingWallet()));
        registry.recordSigned{gas: Signatures.WALLET_GAS_NEEDED + 60_000}(consent);
        assertState(idOfWallet(consent.controller), ConsentState.Active, "state");
    }

    function test_refuseAWalletThatReverts() public {
        refuse(consentOfWallet(address(new RevertingWallet())));
        refuse(consentOfWallet(address(new YesRevertingWallet())));
    }

    function test_refuseAWalletThatBurnsItsGas() public {
        refuse(consentOfWallet(address(new BurningWallet())));
    }

    function test_refuseAWalletThatWritesBeforeItAgrees() public {
        refuse(consentOfWallet(address(new WritingWallet())));
    }

    /// @dev A counterfactual wallet has no code to ask, and what its factory would say is not asked either.
    function test_refuseAWalletThatIsNotDeployed() public {
        SignedConsent memory consent = consentOfWallet(address(0xC0FFEE));
        bytes32 magic = 0x6492649264926492649264926492649264926492649264926492649264926492;
        consent.signature = abi.encodePacked(abi.encode(address(1), "", consent.signature), magic);
        bytes32 id = ConsentId.unwrap(idOfWallet(consent.controller));
        vm.expectRevert(abi.encodeWithSelector(ISigned.NotDeployed.selector, consent.controller, id));
        registry.recordSigned(consent);
    }

    function test_refuseAPrecompile() public {
        refuse(consentOfWallet(address(4)));
    }

    /// @dev The least gas with which a batch goes through at all is enough for its wallets: a relayer that sends
    ///      too little fails as a whole, and no signature is called bad for it. Isolated, so that accounts are cold.
    /// forge-config: default.isolate = true
    function test_aWalletIsNeverShortOfGas() public {
        address wallet = address(new PickyWallet(Signatures.WALLET_GAS - 1_000));
        uint256 least = leastGasFor(wallet);
        vm.assertLe(Signatures.WALLET_GAS, least, "the wallet was asked");
    }

    /// forge-config: default.isolate = true
    function test_aWalletBehindADelegationIsNeverShortOfGas() public {
        PickyWallet delegate = new PickyWallet(Signatures.WALLET_GAS - 1_000);
        address account = vm.addr(KEY + 7);
        vm.etch(account, abi.encodePacked(hex"ef0100", delegate));
        vm.assertLe(Signatures.WALLET_GAS, leastGasFor(account), "the wallet was asked");
    }

    /// @dev For an account without code no gas is set aside.
    function test_littleGasIsEnoughForAKey() public {
        SignedConsent memory consent = signedIn(0);
        consent.termsHash = keccak256("other terms");
        bytes32 id = ConsentId.unwrap(consentOf(domain(), controller, 0, consent.termsHash, consent.until));
        vm.expectRevert(abi.encodeWithSelector(ISigned.BadSignature.selector, controller, id));
        registry.recordSigned{gas: 100_000}(consent);
    }

    function test_tooLittleGasIsSaid() public {
        SignedConsent memory consent = consentOfWallet(address(new OwnedWallet(vm.addr(KEY), 0)));
        bytes memory call = abi.encodeCall(registry.recordSigned, (consent));
        (bool success, bytes memory reason) = address(registry).call{gas: 200_000}(call);
        vm.assertFalse(success, "success");
        vm.assertEq(bytes32(bytes4(reason)), bytes32(ISigned.NotEnoughGas.selector), "reason");
    }

    /// @dev What an account points to under EIP-7702 takes nothing from its key.
    function test_aDelegatedAccountKeepsItsKey() public {
        vm.signAndAttachDelegation(address(new RevertingWallet()), KEY);
        assertState(recorded(), ConsentState.Active, "state");
        vm.assertEq(controller.code.length, 23, "delegated");
    }

    function test_aDelegatedAccountMayAlsoSignAsAWallet() public {
        SignedConsent memory consent = signedIn(0);
        consent.signature = signed(KEY + 1, ConsentId.unwrap(idIn(0)));
        vm.signAndAttachDelegation(address(new OwnedWallet(vm.addr(KEY + 1), 0)), KEY);
        assertState(registry.recordSigned(consent), ConsentState.Active, "state");
    }

    function test_aDelegationToNothingAcceptsNothing() public {
        SignedConsent memory consent = signedIn(0);
        consent.signature = signed(KEY + 1, ConsentId.unwrap(idIn(0)));
        bytes memory refusal =
            abi.encodeWithSelector(ISigned.BadSignature.selector, controller, ConsentId.unwrap(idIn(0)));
        vm.signAndAttachDelegation(address(0xC0FFEE), KEY);
        vm.expectRevert(refusal);
        registry.recordSigned(consent);
    }

    /// @dev Bisects for the least gas with which a batch succeeds, and sees that it recorded everything.
    function leastGasFor(address wallet) private returns (uint256 least) {
        SignedConsent[] memory batch = new SignedConsent[](2);
        (batch[0], batch[1]) = (signedIn(0), consentOfWallet(wallet));
        uint256 most = 1_000_000;
        while (least + 1 < most) {
            uint256 middle = (least + most) / 2;
            if (recordsAll(batch, middle)) most = middle;
            else least = middle;
        }
        return most;
    }

    function recordsAll(SignedConsent[] memory batch, uint256 gas) private returns (bool success) {
        uint256 before = vm.snapshotState();
        (success,) = address(registry).call{gas: gas}(abi.encodeCall(registry.recordBatch, (batch)));
        ConsentState expected = success ? ConsentState.Active : ConsentState.None;
        assertState(idIn(0), expected, "the key's");
        assertState(idOfWallet(batch[1].controller), expected, "the wallet's");
        vm.revertToState(before);
    }

    function consentOfWallet(address wallet) private view returns (SignedConsent memory) {
        bytes memory signature = signed(KEY, ConsentId.unwrap(idOfWallet(wallet)));
        return SignedConsent(wallet, 0, TERMS, UNTIL, signature);
    }

    function idOfWallet(address wallet) private view returns (ConsentId) {
        return consentOf(domain(), wallet, 0, TERMS, UNTIL);
    }

    function refuseAnswer(bytes memory answer) private {
        refuse(consentOfWallet(address(new ParrotWallet(answer))));
    }

    function refuse(bytes memory signature) private {
        refuse(SignedConsent(controller, 0, TERMS, UNTIL, signature));
    }

    function refuse(SignedConsent memory consent) private {
        bytes32 id = ConsentId.unwrap(
            consentOf(domain(), consent.controller, consent.epoch, consent.termsHash, consent.until)
        );
        vm.expectRevert(abi.encodeWithSelector(ISigned.BadSignature.selector, consent.controller, id));
        registry.recordSigned(consent);
    }
}
