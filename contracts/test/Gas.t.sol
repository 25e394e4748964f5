// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICheckpointAnchor} from "../src/ICheckpointAnchor.sol";
import {ConsentId, SignedConsent} from "../src/IConsentRegistry.sol";
import {RegistryFixture} from "./RegistryFixture.sol";
import {vm} from "./Vm.sol";

/// @dev What each act costs as a transaction of its own. `snapshots/gas.json` holds the figures; these are the
///      bounds in contracts/README.md.
/// forge-config: default.isolate = true
contract GasTest is RegistryFixture {
    function test_record() public {
        vm.prank(controller);
        registry.record(0, TERMS, UNTIL);
        measured("record", 50_000);
    }

    function test_recordBatchOf100() public {
        registry.recordBatch(batchOf(100));
        measured("record_batch_100_each", vm.lastCallGas().gasTotalUsed / 100, 35_500);
    }

    function test_revoke() public {
        ConsentId id = recorded();
        vm.prank(controller);
        registry.revoke(id);
        measured("revoke", 29_000);
    }

    function test_revokeWithPreimage() public {
        recorded();
        vm.prank(controller);
        registry.revokeWithPreimage(controller, 0, TERMS, UNTIL, "");
        measured("revoke_preimage", 31_500);
    }

    function test_revokeAll() public {
        vm.prank(controller);
        registry.revokeAll();
        measured("revoke_all", 46_000);
    }

    function test_recordSigned() public {
        registry.recordSigned(signedIn(0));
        measured("record_signed", 56_000);
    }

    function test_revokeSigned() public {
        ConsentId id = recorded();
        registry.revokeSigned(id, revocation(id));
        measured("revoke_signed", 35_000);
    }

    function test_revokeWithPreimageSigned() public {
        ConsentId id = recorded();
        registry.revokeWithPreimage(controller, 0, TERMS, UNTIL, revocation(id));
        measured("revoke_preimage_signed", 36_500);
    }

    function test_tombstoneSigned() public {
        registry.revokeWithPreimage(controller, 0, TERMS, UNTIL, revocation(idIn(0)));
        measured("tombstone_signed", 53_500);
    }

    function test_revokeAllSigned() public {
        registry.revokeAllSigned(controller, 0, revokeAllSignature(0));
        measured("revoke_all_signed", 52_000);
    }

    function test_anchor() public {
        ICheckpointAnchor anchor = ICheckpointAnchor(vm.deployCode("CheckpointAnchor.sol:CheckpointAnchor"));
        anchor.anchor(0, 1000, keccak256("first"));
        anchor.anchor(1000, 2000, keccak256("second"));
        measured("anchor", 36_000);
    }

    /// @dev Of as many different controllers, as a relayer gathers them.
    function batchOf(uint256 size) private view returns (SignedConsent[] memory batch) {
        batch = new SignedConsent[](size);
        for (uint256 i = 0; i < size; ++i) {
            batch[i] = signedBy(KEY + i, 0, keccak256(abi.encode(TERMS, i)), UNTIL);
        }
    }

    function measured(string memory act, uint256 most) private {
        measured(act, vm.lastCallGas().gasTotalUsed, most);
    }

    function measured(string memory act, uint256 used, uint256 most) private {
        vm.snapshotValue("gas", act, used);
        vm.assertLe(used, most, act);
    }
}
