// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";

import {ConsentId, ConsentState, IConsentRegistry, SignedConsent} from "../src/IConsentRegistry.sol";
import {IParticipantDirectory, PROVIDER} from "../src/IParticipantDirectory.sol";
import {RegistryFixture} from "./RegistryFixture.sol";
import {Vm, vm} from "./Vm.sol";

/// @dev Every function that takes a signature, as one kind of thing: what is signed for it, how it is called,
///      what it leaves behind, and what is seen when the signature is refused.
abstract contract SignaturesFixture is RegistryFixture {
    enum Act {
        RecordSigned,
        RecordBatch,
        RevokeSigned,
        RevokeWithPreimage,
        LeaveTombstone,
        RevokeAllSigned,
        SetKeySigned
    }

    uint256 internal constant ACTS = uint256(type(Act).max) + 1;

    /// @dev All that is signed in any act. Statement, document and salt are the terms.
    struct Message {
        address signer;
        uint16 epoch;
        string statement;
        bytes32 document;
        bytes32 salt;
        uint40 until;
        bytes32 key;
        uint32 version;
    }

    address private constant OWNER = address(0x04);

    IParticipantDirectory internal directory;

    /// @dev Who sends what is to be relayed.
    address internal sentBy = RELAYER;

    /// @dev What the last act that was sent cost in gas.
    uint256 internal spent;

    function setUp() public virtual override {
        super.setUp();
        directory = deployedDirectory();
        bytes32 role = directory.ACCREDITOR_ROLE();
        vm.prank(OWNER);
        IAccessControl(address(directory)).grantRole(role, OWNER);
    }

    function deployedDirectory() internal returns (IParticipantDirectory) {
        bytes memory arguments = abi.encode(OWNER);
        return
            IParticipantDirectory(vm.deployCode("ParticipantDirectory.sol:ParticipantDirectory", arguments));
    }

    function messageOf(address signer) internal pure returns (Message memory) {
        return
            Message(
                signer, 0, "statement", keccak256("document"), keccak256("salt"), UNTIL, keccak256("key"), 1
            );
    }

    function nameOf(Act act) internal pure returns (string memory) {
        string[7] memory names = [
            "recordSigned",
            "recordBatch",
            "revokeSigned",
            "revokeWithPreimage",
            "revokeWithPreimage before recording",
            "revokeAllSigned",
            "setKeySigned"
        ];
        return names[uint256(act)];
    }

    function domainFor(Act act) internal view returns (bytes32) {
        return act == Act.SetKeySigned
            ? domainOf("Consent Ledger Directory", address(directory))
            : domainOf("Consent Ledger", address(registry));
    }

    function termsOf(Message memory message) internal pure returns (bytes32) {
        return termsHashOf(message.statement, message.document, message.salt);
    }

    /// @dev The consent that a message names at the registry on this chain.
    function idOf(Message memory message) internal view returns (ConsentId) {
        return consentOf(domain(), message.signer, message.epoch, termsOf(message), message.until);
    }

    /// @dev What `message.signer` has to sign.
    function digestFor(Act act, Message memory message) internal view returns (bytes32) {
        return digestUnder(domainFor(act), act, message);
    }

    function digestUnder(bytes32 domain_, Act act, Message memory message) internal view returns (bytes32) {
        if (act == Act.SetKeySigned) {
            return encryptionKeyOf(domain_, message.signer, message.key, message.version);
        }
        if (act == Act.RevokeAllSigned) return revokeAllOf(domain_, message.signer, message.epoch);
        if (!isRecording(act)) return revocationOf(domain_, idOf(message));
        ConsentId id = consentOf(domain_, message.signer, message.epoch, termsOf(message), message.until);
        return ConsentId.unwrap(id);
    }

    /// @dev The key that signs for `signer`.
    function keyOf(address) internal view virtual returns (uint256) {
        return KEY;
    }

    /// @dev The signature that counts.
    function good(Act act, Message memory message) internal view returns (bytes memory) {
        return signed(keyOf(message.signer), digestFor(act, message));
    }

    /// @dev Brings about that nothing but a bad signature can stand against the act.
    function prepare(Act act, Message memory message) internal {
        if (act == Act.SetKeySigned) {
            vm.prank(OWNER);
            directory.admit(message.signer, PROVIDER, keccak256("profile"));
            return;
        }
        setEpoch(message.signer, message.epoch);
        if (act == Act.RevokeSigned || act == Act.RevokeWithPreimage) {
            vm.prank(message.signer);
            registry.record(message.epoch, termsOf(message), message.until);
        }
    }

    function consentFrom(Message memory message, bytes memory signature)
        internal
        pure
        returns (SignedConsent memory)
    {
        return SignedConsent(message.signer, message.epoch, termsOf(message), message.until, signature);
    }

    /// @dev Has `sentBy` send it, with all gas there is. A batch has this one item.
    function send(Act act, Message memory message, bytes memory signature)
        internal
        returns (bool success, bytes memory answer)
    {
        return send(act, message, signature, gasleft());
    }

    function send(Act act, Message memory message, bytes memory signature, uint256 gas)
        internal
        returns (bool success, bytes memory answer)
    {
        address target = act == Act.SetKeySigned ? address(directory) : address(registry);
        bytes memory data = callOf(act, message, signature);
        vm.prank(sentBy);
        uint256 start = gasleft();
        (success, answer) = target.call{gas: gas}(data);
        spent = start - gasleft();
    }

    function callOf(Act act, Message memory message, bytes memory signature)
        internal
        view
        returns (bytes memory)
    {
        if (act == Act.RecordSigned) {
            return abi.encodeCall(registry.recordSigned, (consentFrom(message, signature)));
        }
        if (act == Act.RecordBatch) {
            SignedConsent[] memory batch = new SignedConsent[](1);
            batch[0] = consentFrom(message, signature);
            return abi.encodeCall(registry.recordBatch, (batch));
        }
        if (act == Act.RevokeSigned) {
            return abi.encodeCall(registry.revokeSigned, (idOf(message), signature));
        }
        if (act == Act.RevokeAllSigned) {
            return abi.encodeCall(registry.revokeAllSigned, (message.signer, message.epoch, signature));
        }
        if (act == Act.SetKeySigned) {
            return
                abi.encodeCall(
                    directory.setKeySigned, (message.signer, message.key, message.version, signature)
                );
        }
        return abi.encodeCall(
            registry.revokeWithPreimage,
            (message.signer, message.epoch, termsOf(message), message.until, signature)
        );
    }

    /// @dev Sends it, and sees that it is refused with `reason(signer, digest)`, or skipped for it, and that
    ///      nothing else happened.
    function refuse(Act act, Message memory message, bytes memory signature, bytes4 reason) internal {
        bytes32 before = viewOf(message);
        vm.recordLogs();
        (bool success, bytes memory answer) = send(act, message, signature);
        if (act == Act.RecordBatch) {
            Vm.Log[] memory logs = vm.getRecordedLogs();
            vm.assertTrue(success, "a bad item made the batch fail");
            vm.assertEq(logs.length, 1, "one event for one item");
            assertSkipped(logs[0], 0, idOf(message), reason);
        } else {
            bytes32 digest = digestFor(act, message);
            vm.assertFalse(success, string.concat("accepted by ", nameOf(act)));
            vm.assertEq(answer, abi.encodeWithSelector(reason, message.signer, digest), nameOf(act));
        }
        vm.assertEq(viewOf(message), before, string.concat("changed by ", nameOf(act)));
    }

    /// @dev Sends it, and sees that it is done, and that one event says so.
    function accept(Act act, Message memory message, bytes memory signature) internal {
        vm.recordLogs();
        (bool success,) = send(act, message, signature);
        vm.assertTrue(success, string.concat("refused by ", nameOf(act)));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 1, string.concat("events of ", nameOf(act)));
        assertSaid(logs[0], act, message);
        assertDone(act, message);
    }

    function isRecording(Act act) internal pure returns (bool) {
        return act == Act.RecordSigned || act == Act.RecordBatch;
    }

    /// @dev The event says that the act was done, of what and whom the message names.
    function assertSaid(Vm.Log memory log, Act act, Message memory message) internal view {
        address signer = message.signer;
        if (act == Act.SetKeySigned) {
            bytes memory topics = abi.encode(IParticipantDirectory.EncryptionKeySet.selector, signer);
            assertLog(log, address(directory), topics, abi.encode(message.key, message.version));
        } else if (act == Act.RevokeAllSigned) {
            bytes memory topics = abi.encode(IConsentRegistry.RevokedAll.selector, signer);
            assertLog(log, address(registry), topics, abi.encode(message.epoch + 1));
        } else if (isRecording(act)) {
            assertRecorded(log, idOf(message), signer, message.epoch, message.until);
        } else {
            bytes memory topics = abi.encode(IConsentRegistry.Revoked.selector, idOf(message), signer);
            assertLog(log, address(registry), topics, "");
        }
    }

    function assertRecorded(Vm.Log memory log, ConsentId id, address signer, uint16 epoch, uint40 until)
        internal
        view
    {
        bytes memory topics = abi.encode(IConsentRegistry.Recorded.selector, id, signer);
        assertLog(log, address(registry), topics, abi.encode(epoch, until));
    }

    function assertSkipped(Vm.Log memory log, uint256 index, ConsentId id, bytes4 reason) internal view {
        bytes memory topics = abi.encode(IConsentRegistry.Skipped.selector, index);
        assertLog(log, address(registry), topics, abi.encode(id, reason));
    }

    /// @param topics all of them, the event's own first
    function assertLog(Vm.Log memory log, address emitter, bytes memory topics, bytes memory data)
        private
        pure
    {
        vm.assertEq(log.emitter, emitter, "emitter");
        vm.assertEq(abi.encodePacked(log.topics), topics, "event and its subjects");
        vm.assertEq(log.data, data, "data of the event");
    }

    function assertDone(Act act, Message memory message) internal view {
        if (act == Act.SetKeySigned) {
            (,,, bytes32 key, uint32 version) = directory.participantOf(message.signer);
            vm.assertEq(key, message.key, "key");
            vm.assertEq(version, message.version, "version");
        } else if (act == Act.RevokeAllSigned) {
            vm.assertEq(registry.epochOf(message.signer), message.epoch + 1, "epoch");
        } else {
            assertState(
                idOf(message), isRecording(act) ? ConsentState.Active : ConsentState.Ended, nameOf(act)
            );
        }
    }

    /// @dev The account of a key, which has delegated to `code` under EIP-7702.
    function delegated(uint256 key, address code) internal returns (address account) {
        account = vm.addr(key);
        vm.signAndAttachDelegation(code, key);
        registry.epochOf(account);
        vm.assertEq(account.code, abi.encodePacked(hex"ef0100", code), "delegation");
    }

    /// @dev All that can be seen of whom and what a message names.
    function viewOf(Message memory message) internal view returns (bytes32) {
        (, bytes memory stored) =
            address(registry).staticcall(abi.encodeCall(registry.consentOf, (idOf(message))));
        (, bytes memory participant) =
            address(directory).staticcall(abi.encodeCall(directory.participantOf, (message.signer)));
        return keccak256(abi.encode(stored, registry.epochOf(message.signer), participant));
    }
}
