// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentId, ConsentState, IConsentRegistry, SignedConsent} from "../src/IConsentRegistry.sol";
import {ISigned} from "../src/ISigned.sol";
import {SignaturesFixture} from "./SignaturesFixture.sol";
import {Vm, vm} from "./Vm.sol";
import {BurningWallet, InvalidWallet, OwnedWallet, RevertingWallet} from "./Wallets.sol";

/// @dev Of a batch with items that are bad in every way there is, exactly the good ones are recorded, in
///      whatever order, and of each other it is said what it would have met alone.
contract RelayBatchTest is SignaturesFixture {
    struct Item {
        SignedConsent consent;
        ConsentId id;
        bytes4 reason;
    }

    bytes4 private constant GOOD = 0;
    uint256 private constant ITEMS = 17;

    Item[] private _items;

    function setUp() public override {
        super.setUp();
        addGood(signedBy(key(), 0, TERMS, UNTIL));
        addGood(signedBy(key(), 0, TERMS, NOW + 1));
        addGood(signedBy(key(), 0, TERMS, type(uint40).max));
        addGood(ofWallet(address(new OwnedWallet(vm.addr(KEY), 0))));
        addExpired();
        addOfOtherEpochs();
        addRevoked();
        addRecorded();
        addBadlySigned();
        vm.assertEq(_items.length, ITEMS, "items");
    }

    function testFuzz_theGoodOnesAreRecordedInAnyOrder(uint256 seed) public {
        check(shuffled(seed));
    }

    /// @dev Alone each item is recorded, or meets the error whose selector the batch gave.
    function test_eachMeetsAloneWhatTheBatchSaysOfIt() public {
        for (uint256 i = 0; i < ITEMS; ++i) {
            Item memory item = _items[i];
            bytes memory call = abi.encodeCall(registry.recordSigned, (item.consent));
            (bool success, bytes memory answer) = address(registry).call(call);
            bool isActive = item.reason == GOOD || item.reason == IConsentRegistry.AlreadyRecorded.selector;
            vm.assertEq(success ? 1 : 0, isActive ? 1 : 0, "success");
            if (!isActive) vm.assertEq(bytes32(bytes4(answer)), bytes32(item.reason), "reason");
            else assertState(idOf(item.consent), ConsentState.Active, "state");
        }
    }

    function testFuzz_splitInTwoItRecordsTheSame(uint256 seed) public {
        Item[] memory items = shuffled(seed);
        uint256 cut = seed % (ITEMS + 1);
        uint256 start = vm.snapshotState();
        registry.recordBatch(consentsOf(items, 0, ITEMS));
        bytes32 expected = viewOf(items);
        vm.revertToState(start);
        registry.recordBatch(consentsOf(items, 0, cut));
        registry.recordBatch(consentsOf(items, cut, ITEMS));
        vm.assertEq(viewOf(items), expected, "end state");
    }

    function testFuzz_sentAgainItRecordsNothing(uint256 seed) public {
        Item[] memory items = shuffled(seed);
        registry.recordBatch(consentsOf(items, 0, ITEMS));
        bytes32 expected = viewOf(items);
        vm.warp(NOW + seed % 2);
        vm.recordLogs();
        vm.prank(address(uint160(seed)));
        registry.recordBatch(consentsOf(shuffled(~seed), 0, ITEMS));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, ITEMS, "events");
        for (uint256 i = 0; i < ITEMS; ++i) {
            vm.assertEq(logs[i].emitter, address(registry), "emitter");
            vm.assertEq(logs[i].topics[0], IConsentRegistry.Skipped.selector, "recorded again");
        }
        vm.assertEq(viewOf(items), expected, "changed");
    }

    /// @dev A bad signature in front does not spoil the good one of the same consent, nor one behind it.
    function test_aBadItemDoesNotStandInForTheGoodOne() public {
        Item[] memory items = new Item[](3);
        for (uint256 i = 0; i < items.length; ++i) {
            (items[i].consent, items[i].id) = (signedIn(0), idIn(0));
        }
        items[0].consent.signature = "";
        items[0].reason = ISigned.BadSignature.selector;
        items[2].consent.signature = "";
        items[2].reason = IConsentRegistry.AlreadyRecorded.selector;
        check(items);
    }

    function test_anEmptyBatchDoesNothing() public {
        check(new Item[](0));
    }

    function addExpired() private {
        add(signedBy(key(), 0, TERMS, NOW), IConsentRegistry.Expired.selector);
        add(signedBy(key(), 0, TERMS, 0), IConsentRegistry.Expired.selector);
    }

    function addOfOtherEpochs() private {
        add(signedBy(key(), 1, TERMS, UNTIL), IConsentRegistry.WrongEpoch.selector);
        SignedConsent memory past = signedBy(key(), 0, TERMS, UNTIL);
        setEpoch(past.controller, 1);
        add(past, IConsentRegistry.WrongEpoch.selector);
        SignedConsent memory terminal = signedBy(key(), LAST_EPOCH, TERMS, UNTIL);
        setEpoch(terminal.controller, LAST_EPOCH);
        add(terminal, IConsentRegistry.EpochIsTerminal.selector);
    }

    function addRevoked() private {
        SignedConsent memory revoked = signedBy(key(), 0, TERMS, UNTIL);
        registry.recordSigned(revoked);
        vm.prank(revoked.controller);
        registry.revoke(idOf(revoked));
        add(revoked, IConsentRegistry.ConsentEnded.selector);
        SignedConsent memory withheld = signedBy(key(), 0, TERMS, UNTIL);
        vm.prank(withheld.controller);
        registry.revokeWithPreimage(withheld.controller, 0, TERMS, UNTIL, "");
        add(withheld, IConsentRegistry.ConsentEnded.selector);
    }

    function addRecorded() private {
        SignedConsent memory recorded_ = signedBy(key(), 0, TERMS, UNTIL);
        registry.recordSigned(recorded_);
        add(recorded_, IConsentRegistry.AlreadyRecorded.selector);
    }

    function addBadlySigned() private {
        SignedConsent memory forged = signedBy(key(), 0, TERMS, UNTIL);
        forged.termsHash = keccak256("other terms");
        add(forged, ISigned.BadSignature.selector);
        add(ofWallet(address(new RevertingWallet())), ISigned.BadSignature.selector);
        add(ofWallet(address(new InvalidWallet())), ISigned.BadSignature.selector);
        add(ofWallet(address(new BurningWallet())), ISigned.BadSignature.selector);
        SignedConsent memory wrapped = ofWallet(address(0xC0FFEE));
        wrapped.signature = counterfactual(address(1), "", wrapped.signature);
        add(wrapped, ISigned.NotDeployed.selector);
    }

    /// @dev Another controller's for each item, so that no item stands in the way of another.
    function key() private view returns (uint256) {
        return KEY + 1 + _items.length;
    }

    function add(SignedConsent memory consent, bytes4 reason) private {
        _items.push(Item(consent, idOf(consent), reason));
    }

    function addGood(SignedConsent memory consent) private {
        add(consent, GOOD);
    }

    function ofWallet(address wallet) private view returns (SignedConsent memory) {
        bytes32 id = ConsentId.unwrap(consentOf(domain(), wallet, 0, TERMS, UNTIL));
        return SignedConsent(wallet, 0, TERMS, UNTIL, signed(KEY, id));
    }

    /// @dev Sends the batch and compares all that it says and leaves, item by item.
    function check(Item[] memory items) private {
        vm.recordLogs();
        vm.prank(RELAYER);
        registry.recordBatch(consentsOf(items, 0, items.length));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, items.length, "one event for each item");
        for (uint256 i = 0; i < items.length; ++i) {
            SignedConsent memory consent = items[i].consent;
            if (items[i].reason == GOOD) {
                assertRecorded(logs[i], items[i].id, consent.controller, consent.epoch, consent.until);
                assertState(items[i].id, ConsentState.Active, "state");
            } else {
                assertSkipped(logs[i], i, items[i].id, items[i].reason);
            }
        }
    }

    function shuffled(uint256 seed) private view returns (Item[] memory items) {
        items = _items;
        for (uint256 i = items.length - 1; i > 0; --i) {
            uint256 k = uint256(keccak256(abi.encode(seed, i))) % (i + 1);
            (items[i], items[k]) = (items[k], items[i]);
        }
    }

    /// @dev Those of the items `from` up to `to`, exclusive.
    function consentsOf(Item[] memory items, uint256 from, uint256 to)
        private
        pure
        returns (SignedConsent[] memory consents)
    {
        consents = new SignedConsent[](to - from);
        for (uint256 i = 0; i < consents.length; ++i) {
            consents[i] = items[from + i].consent;
        }
    }

    function viewOf(Item[] memory items) private view returns (bytes32 seen) {
        for (uint256 i = 0; i < items.length; ++i) {
            (address who, uint40 until, uint40 recordedAt,) = registry.consentOf(items[i].id);
            seen = keccak256(abi.encode(seen, who, until, recordedAt));
        }
    }

    function idOf(SignedConsent memory consent) private view returns (ConsentId) {
        return consentOf(domain(), consent.controller, consent.epoch, consent.termsHash, consent.until);
    }
}
