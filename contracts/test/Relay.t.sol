// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentId, ConsentState, IConsentRegistry, SignedConsent} from "../src/IConsentRegistry.sol";
import {SignaturesFixture} from "./SignaturesFixture.sol";
import {Vm, vm} from "./Vm.sol";
import {OwnedWallet} from "./Wallets.sol";

/// @dev What is wished for is brought about once, however often, in whichever form and by whomever it is
///      sent, and nobody who comes later meets an error: for a key, a wallet, and an account delegated under
///      EIP-7702.
contract RelayTest is SignaturesFixture {
    enum Form {
        RecordInPerson,
        RecordSigned,
        RecordInBatch,
        RecordTwiceInBatch,
        RevokeInPerson,
        RevokeSigned,
        RevokeWithPreimageInPerson,
        RevokeWithPreimageSigned,
        RevokeAllInPerson,
        RevokeAllSigned,
        SetKeyInPerson,
        SetKeySigned
    }

    uint256 private constant FORMS = uint256(type(Form).max) + 1;

    address[3] private _accounts;
    mapping(address account => ConsentId) private _ids;
    mapping(address account => mapping(Form => bytes)) private _calls;

    /// @dev Whose wishes are sent, and the consent that they are about.
    address private _signer;
    ConsentId private _id;

    function setUp() public override {
        super.setUp();
        _accounts[0] = controller;
        _accounts[1] = address(new OwnedWallet(controller, 0));
        _accounts[2] = delegated(KEY + 1, address(new OwnedWallet(controller, 0)));
        for (uint256 i = 0; i < _accounts.length; ++i) {
            Message memory message = messageOf(_accounts[i]);
            prepare(Act.SetKeySigned, message);
            _ids[_accounts[i]] = idOf(message);
            for (uint256 form = 0; form < FORMS; ++form) {
                _calls[_accounts[i]][Form(form)] = callIn(Form(form), message);
            }
        }
    }

    function test_frontRunRecord() public {
        for (uint256 i = 0; i < _accounts.length; ++i) {
            choose(i);
            comparePairs(Form.RecordInPerson, Form.RecordTwiceInBatch, Form.RecordInPerson);
        }
    }

    function test_frontRunRevoke() public {
        for (uint256 i = 0; i < _accounts.length; ++i) {
            choose(i);
            sendOnce(Form.RecordSigned);
            comparePairs(Form.RevokeInPerson, Form.RevokeWithPreimageSigned, Form.RevokeInPerson);
        }
    }

    /// @dev By id only what is known can be revoked, so the preimage comes first; then any form will do.
    function test_frontRunTombstone() public {
        for (uint256 i = 0; i < _accounts.length; ++i) {
            choose(i);
            comparePairs(Form.RevokeWithPreimageInPerson, Form.RevokeWithPreimageSigned, Form.RevokeInPerson);
        }
    }

    function test_frontRunRevokeAll() public {
        for (uint256 i = 0; i < _accounts.length; ++i) {
            choose(i);
            comparePairs(Form.RevokeAllInPerson, Form.RevokeAllSigned, Form.RevokeAllSigned);
        }
    }

    function test_frontRunSetKey() public {
        for (uint256 i = 0; i < _accounts.length; ++i) {
            choose(i);
            comparePairs(Form.SetKeyInPerson, Form.SetKeySigned, Form.SetKeyInPerson);
        }
    }

    /// @dev In person it names no epoch and ends another one each time: after a relay it is a second wish.
    function test_revokeAllInPersonActsEachTime() public {
        choose(0);
        sendOnce(Form.RevokeAllSigned);
        vm.recordLogs();
        sendOnce(Form.RevokeAllInPerson);
        vm.assertEq(effectsIn(vm.getRecordedLogs(), Form.RevokeAllInPerson, 1), 1, "effects");
        vm.assertEq(registry.epochOf(_signer), 2, "epoch");
    }

    function testFuzz_recordedOnce(uint256 seed) public {
        choose(seed);
        repeat(Form.RecordInPerson, Form.RecordTwiceInBatch, Form.RecordInPerson, seed);
    }

    function testFuzz_revokedOnce(uint256 seed) public {
        choose(seed);
        sendOnce(Form.RecordSigned);
        repeat(Form.RevokeInPerson, Form.RevokeWithPreimageSigned, Form.RevokeInPerson, seed);
    }

    function testFuzz_tombstoneOnce(uint256 seed) public {
        choose(seed);
        repeat(Form.RevokeWithPreimageInPerson, Form.RevokeWithPreimageSigned, Form.RevokeInPerson, seed);
    }

    function testFuzz_epochEndedOnce(uint256 seed) public {
        choose(seed);
        repeat(Form.RevokeAllInPerson, Form.RevokeAllSigned, Form.RevokeAllSigned, seed);
    }

    function testFuzz_keySetOnce(uint256 seed) public {
        choose(seed);
        repeat(Form.SetKeyInPerson, Form.SetKeySigned, Form.SetKeyInPerson, seed);
    }

    /// @dev All forms of all wishes in a random order: what succeeds can be sent again at once to no effect,
    ///      what fails fails for a reason that the views tell beforehand, and each effect is seen once.
    function testFuzz_eachEffectOnceInAnyOrder(uint256 seed) public {
        choose(seed);
        uint256[] memory effects = new uint256[](ACTS);
        for (uint256 step = 0; step < FORMS; ++step) {
            Form form = Form((seed >> 16 * step) % FORMS);
            bool canSucceed = canBeSent(form);
            uint16 epoch = registry.epochOf(_signer);
            vm.recordLogs();
            bool success = sendFrom(form, senderOf(seed, step));
            if (canSucceed) vm.assertTrue(success, "an error that the views do not tell");
            else vm.assertFalse(success, "a success that the views do not tell");
            Vm.Log[] memory logs = vm.getRecordedLogs();
            if (success) effects[uint256(actOf(form))] += effectsIn(logs, form, epoch);
            if (success && form != Form.RevokeAllInPerson) sendAgain(form, senderOf(seed, step + 1));
        }
        vm.assertLe(effects[uint256(Act.RecordSigned)], 1, "recorded");
        vm.assertLe(effects[uint256(Act.RevokeSigned)], 1, "revoked");
        vm.assertEq(effects[uint256(Act.RevokeAllSigned)], registry.epochOf(_signer), "epochs ended");
        vm.assertLe(effects[uint256(Act.SetKeySigned)], 1, "key set");
    }

    function choose(uint256 seed) private {
        _signer = _accounts[seed % _accounts.length];
        _id = _ids[_signer];
    }

    /// @dev Each two of the forms, the earlier from `first` and the later from `next` to `last`.
    function comparePairs(Form first, Form last, Form next) private {
        for (uint256 i = uint256(first); i <= uint256(last); ++i) {
            for (uint256 k = uint256(next); k <= uint256(last); ++k) {
                uint256 start = vm.snapshotState();
                Form[] memory forms = new Form[](2);
                (forms[0], forms[1]) = (Form(i), Form(k));
                assertOnce(forms, i);
                vm.revertToState(start);
            }
        }
    }

    /// @dev Up to eight of the forms, the first one from `first` and the others from `next` to `last`.
    function repeat(Form first, Form last, Form next, uint256 seed) private {
        Form[] memory forms = new Form[](2 + seed % 7);
        for (uint256 i = 0; i < forms.length; ++i) {
            uint256 from = uint256(i == 0 ? first : next);
            uint256 choices = uint256(last) - from + 1;
            forms[i] = Form(from + (seed >> 8 * i + 8) % choices);
        }
        assertOnce(forms, seed);
    }

    /// @dev Sends them one after the other, a minute apart, and compares with the first of them alone.
    function assertOnce(Form[] memory forms, uint256 seed) private {
        uint256 start = vm.snapshotState();
        sendOnce(forms[0]);
        bytes32 expected = viewOf();
        vm.revertToState(start);
        vm.recordLogs();
        for (uint256 i = 0; i < forms.length; ++i) {
            vm.assertTrue(sendFrom(forms[i], senderOf(seed, i)), "error to one who came later");
            vm.warp(NOW + 1 minutes * (i + 1));
        }
        vm.assertEq(effectsIn(vm.getRecordedLogs(), forms[0], 0), 1, "one effect");
        vm.assertEq(viewOf(), expected, "end state");
    }

    function sendAgain(Form form, address sender) private {
        bytes32 before = viewOf();
        vm.recordLogs();
        vm.assertTrue(sendFrom(form, sender), "error to the one who came later");
        vm.assertEq(effectsIn(vm.getRecordedLogs(), form, 0), 0, "a second effect");
        vm.assertEq(viewOf(), before, "changed");
    }

    /// @dev Nothing fails but recording what has ended, and revoking by id what is not known.
    function canBeSent(Form form) private view returns (bool) {
        ConsentState state = registry.stateOf(_id);
        uint16 epoch = registry.epochOf(_signer);
        if (form == Form.RecordInPerson || form == Form.RecordSigned) {
            return epoch == 0 && state != ConsentState.Ended;
        }
        if (form == Form.RevokeInPerson || form == Form.RevokeSigned) return state != ConsentState.None;
        return true;
    }

    function senderOf(uint256 seed, uint256 step) private view returns (address) {
        uint256 hash = uint256(keccak256(abi.encode(seed, step)));
        return hash % 4 == 0 ? _signer : address(uint160(hash));
    }

    function sendOnce(Form form) private {
        vm.assertTrue(sendFrom(form, RELAYER), "success");
    }

    function sendFrom(Form form, address sender) private returns (bool success) {
        bytes memory call = _calls[_signer][form];
        vm.prank(isInPerson(form) ? _signer : sender);
        (success,) = targetOf(form).call(call);
    }

    function isInPerson(Form form) private pure returns (bool) {
        return form == Form.RecordInPerson || form == Form.RevokeInPerson || form == Form.SetKeyInPerson
            || form == Form.RevokeWithPreimageInPerson || form == Form.RevokeAllInPerson;
    }

    function targetOf(Form form) private view returns (address) {
        return actOf(form) == Act.SetKeySigned ? address(directory) : address(registry);
    }

    function callIn(Form form, Message memory wish) private view returns (bytes memory) {
        if (form == Form.RecordInPerson) {
            return abi.encodeCall(registry.record, (wish.epoch, termsOf(wish), wish.until));
        }
        if (form == Form.RecordSigned) return signedCall(Act.RecordSigned, wish);
        if (form == Form.RecordInBatch) return signedCall(Act.RecordBatch, wish);
        if (form == Form.RecordTwiceInBatch) return twiceInBatch(wish);
        if (form == Form.RevokeInPerson) return abi.encodeCall(registry.revoke, (idOf(wish)));
        if (form == Form.RevokeSigned) return signedCall(Act.RevokeSigned, wish);
        if (form == Form.RevokeWithPreimageInPerson) return callOf(Act.RevokeWithPreimage, wish, "");
        if (form == Form.RevokeWithPreimageSigned) return signedCall(Act.RevokeWithPreimage, wish);
        if (form == Form.RevokeAllInPerson) return abi.encodeCall(registry.revokeAll, ());
        if (form == Form.RevokeAllSigned) return signedCall(Act.RevokeAllSigned, wish);
        if (form == Form.SetKeyInPerson) return abi.encodeCall(directory.setKey, (wish.key, wish.version));
        return signedCall(Act.SetKeySigned, wish);
    }

    function signedCall(Act act, Message memory wish) private view returns (bytes memory) {
        return callOf(act, wish, signed(KEY, digestFor(act, wish)));
    }

    function twiceInBatch(Message memory wish) private view returns (bytes memory) {
        bytes memory signature = signed(KEY, digestFor(Act.RecordBatch, wish));
        SignedConsent[] memory batch = new SignedConsent[](2);
        (batch[0], batch[1]) = (consentFrom(wish, signature), consentFrom(wish, signature));
        return abi.encodeCall(registry.recordBatch, (batch));
    }

    /// @dev All that can be seen of the signer and the consent.
    function viewOf() private view returns (bytes32) {
        (address who, uint40 until, uint40 recordedAt, uint16 epoch) = registry.consentOf(_id);
        (,,, bytes32 key, uint32 version) = directory.participantOf(_signer);
        return keccak256(abi.encode(who, until, recordedAt, epoch, registry.epochOf(_signer), key, version));
    }

    /// @dev How many events there are that say that what the form asks for was done, in that epoch if it ends
    ///      one. There is no other but `Skipped`, which says the contrary.
    function effectsIn(Vm.Log[] memory logs, Form form, uint16 epoch) private view returns (uint256 effects) {
        Message memory wish = messageOf(_signer);
        if (actOf(form) == Act.RevokeAllSigned) wish.epoch = epoch;
        for (uint256 i = 0; i < logs.length; ++i) {
            vm.assertEq(logs[i].emitter, targetOf(form), "emitter");
            if (logs[i].topics[0] == IConsentRegistry.Skipped.selector) continue;
            assertSaid(logs[i], actOf(form), wish);
            ++effects;
        }
    }

    /// @dev The act that has the same effect.
    function actOf(Form form) private pure returns (Act) {
        if (form <= Form.RecordTwiceInBatch) return Act.RecordSigned;
        if (form <= Form.RevokeWithPreimageSigned) return Act.RevokeSigned;
        return form <= Form.RevokeAllSigned ? Act.RevokeAllSigned : Act.SetKeySigned;
    }
}
