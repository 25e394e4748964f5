// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISigned} from "../src/ISigned.sol";
import {SignaturesAbuses} from "./SignaturesAbuses.sol";
import {vm} from "./Vm.sol";

/// @dev What must not count as a signature, for one kind of account, in every act that takes one. Each bad
///      signature is refused by name and changes nothing; after it, the good one has its effect, so that
///      nothing else stood in the way.
abstract contract SignaturesCatalogue is SignaturesAbuses {
    function setUp() public virtual override {
        super.setUp();
        (account, other) = accounts();
    }

    function accounts() internal virtual returns (address account_, address other_);

    /// @dev The error that a bad signature meets.
    function objection() internal pure virtual returns (bytes4) {
        return ISigned.BadSignature.selector;
    }

    /// @dev How an account of this kind sends the 65 bytes of its key.
    function asSent(bytes memory signature) internal view virtual returns (bytes memory) {
        return signature;
    }

    /// @dev What is still to be done before the good signature counts.
    function makeReady() internal virtual {}

    function test_acceptTheGoodOne() public {
        refuseForged(none);
    }

    function test_refuseShort() public {
        refuseSpoilt(short);
    }

    function test_refuseCompact64() public {
        refuseSpoilt(compact);
    }

    function test_refuseLong() public {
        refuseSpoilt(long);
    }

    function test_refuseOtherV() public {
        refuseSpoilt(otherV);
    }

    function test_refuseHighSTwin() public {
        refuseSpoilt(highSTwin);
    }

    function test_refuseZeroR() public {
        refuseSpoilt(zeroR);
    }

    function test_refuseZeroS() public {
        refuseSpoilt(zeroS);
    }

    function test_refuseROrSOutOfRange() public {
        refuseSpoilt(outOfRange);
    }

    function test_refuseWrongSigner() public {
        refuseForged(byAnotherKey);
    }

    /// @dev Who sends is no signature: only a preimage with no signature at all is taken for an act in person.
    function test_refuseBadOnesThatTheSignerSends() public {
        sentBy = account;
        refuseForged(sentInPerson);
    }

    function test_refuseSignedForAnotherAct() public {
        refuseForged(forOtherActs);
    }

    function test_refuseOtherChain() public {
        refuseForged(forOtherChains);
    }

    function test_refuseOtherContract() public {
        refuseForged(forOtherContracts);
    }

    function test_refuseOtherDomainName() public {
        refuseForged(forOtherNames);
    }

    function test_refuseOtherDomainVersion() public {
        refuseForged(forAnotherVersion);
    }

    function test_refuseWithoutDomain() public {
        refuseForged(withoutDomain);
    }

    function test_refuseChangedSigner() public {
        refuseChanged(changeSigner, 7);
    }

    function test_refuseChangedEpoch() public {
        refuseChanged(changeEpoch, 6);
    }

    function test_refuseChangedStatement() public {
        refuseChanged(changeStatement, 5);
    }

    function test_refuseChangedDocument() public {
        refuseChanged(changeDocument, 5);
    }

    function test_refuseChangedSalt() public {
        refuseChanged(changeSalt, 5);
    }

    function test_refuseChangedUntil() public {
        refuseChanged(changeUntil, 5);
    }

    function test_refuseChangedKey() public {
        refuseChanged(changeKey, 1);
    }

    function test_refuseChangedVersion() public {
        refuseChanged(changeVersion, 1);
    }

    /// @dev After a fork of the chain, what was signed for one branch means nothing on the other.
    function test_refuseAfterChainIdChanged() public {
        for (uint256 i = 0; i < ACTS; ++i) {
            Act act = Act(i);
            uint256 start = vm.snapshotState();
            Message memory message = messageOf(account);
            bytes memory before = good(act, message);
            vm.chainId(block.chainid + 1);
            prepare(act, message);
            refuse(act, message, asSent(before), objection());
            makeReady();
            accept(act, message, good(act, message));
            vm.revertToState(start);
        }
    }

    /// @dev Refuses what `spoil` makes of the good signature.
    function refuseSpoilt(function(bytes memory) internal pure returns (bytes[] memory) spoil) internal {
        for (uint256 i = 0; i < ACTS; ++i) {
            Message memory message = messageOf(account);
            refuseAll(Act(i), message, spoil(good(Act(i), message)));
        }
    }

    /// @dev Refuses what `forge` makes up for the act and message.
    function refuseForged(function(Act, Message memory) internal returns (bytes[] memory) forge) internal {
        for (uint256 i = 0; i < ACTS; ++i) {
            Message memory message = messageOf(account);
            refuseAll(Act(i), message, forge(Act(i), message));
        }
    }

    /// @dev Refuses the good signature when `change` has been made to what it signs.
    /// @param acts in how many acts that is signed
    function refuseChanged(function(Message memory) internal view change, uint256 acts) internal {
        uint256 concerned = 0;
        for (uint256 i = 0; i < ACTS; ++i) {
            Act act = Act(i);
            (Message memory message, Message memory changed) = (messageOf(account), messageOf(account));
            change(changed);
            if (digestFor(act, changed) == digestFor(act, message)) continue;
            ++concerned;
            refuseAll(act, changed, listOf(good(act, message)));
        }
        vm.assertEq(concerned, acts, "acts in which the field is signed");
    }

    function refuseAll(Act act, Message memory message, bytes[] memory bad) internal {
        uint256 start = vm.snapshotState();
        prepare(act, message);
        for (uint256 i = 0; i < bad.length; ++i) {
            refuse(act, message, asSent(bad[i]), objection());
        }
        makeReady();
        accept(act, message, good(act, message));
        vm.revertToState(start);
    }
}
