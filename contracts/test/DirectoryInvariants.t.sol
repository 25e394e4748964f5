// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";

import {IParticipantDirectory} from "../src/IParticipantDirectory.sol";
import {Campaign, Handler} from "./Campaign.sol";
import {DirectoryHandler} from "./DirectoryHandler.sol";
import {DirectoryModel} from "./DirectoryModel.sol";
import {vm} from "./Vm.sol";

/// @dev What holds of a directory after any interleaving of what owners, accreditors, participants and strangers try.
contract DirectoryInvariants is Campaign {
    address private constant OWNER = address(0x04);
    bytes32 private constant ACCREDITOR = keccak256("ACCREDITOR_ROLE");

    IParticipantDirectory private _directory;
    DirectoryHandler private _handler;

    function setUp() external {
        _directory = IParticipantDirectory(
            vm.deployCode("ParticipantDirectory.sol:ParticipantDirectory", abi.encode(OWNER))
        );
        _handler = new DirectoryHandler(_directory, OWNER);
    }

    /// @dev All in one campaign: for each that stood alone, forge would go through the very same acts once more.
    function invariant_all() external view {
        invariant_participantsAreTheModels();
        invariant_theAdmittedHaveOneToThreeRolesAndNothingIsKnownOfOthers();
        invariant_keyVersionsGrowAndStandForOneKeyEach();
        invariant_whoIsSuspendedStaysAsItWas();
        invariant_ownersAndAccreditorsAreTheModels();
        invariant_nobodyBringsAboutWhatIsNotTheirs();
        invariant_anActChangesWhatItsEventIsAbout();
        invariant_theDirectoryHoldsNoEther();
    }

    function invariant_participantsAreTheModels() private view {
        (address[] memory accounts, DirectoryModel.Participant[] memory models) = _handler.participants();
        for (uint256 i = 0; i < accounts.length; ++i) {
            bytes32 expected = keccak256(abi.encode(models[i]));
            holds(keccak256(abi.encode(participant(accounts[i]))) == expected, "participant");
        }
    }

    function invariant_theAdmittedHaveOneToThreeRolesAndNothingIsKnownOfOthers() private view {
        (address[] memory accounts,) = _handler.participants();
        for (uint256 i = 0; i < accounts.length; ++i) {
            DirectoryModel.Participant memory known = participant(accounts[i]);
            holds(known.roles < 8, "a role that does not exist");
            bool isBlank = !known.suspended && known.profile == 0 && known.key == 0 && known.version == 0;
            holds(known.roles > 0 || isBlank, "something about a stranger");
            holds((known.key == 0) == (known.version == 0), "a key without version, or the other way round");
        }
    }

    function invariant_keyVersionsGrowAndStandForOneKeyEach() private view {
        holds(_handler.keyRegressions() == 0, "a version went back or names another key");
    }

    function invariant_whoIsSuspendedStaysAsItWas() private view {
        holds(_handler.changesOfSuspended() == 0, "a suspended participant changed");
    }

    /// @dev Being owner is not enough to admit, nor being accreditor to name one.
    function invariant_ownersAndAccreditorsAreTheModels() private view {
        address[] memory people = _handler.people();
        IAccessControl access = IAccessControl(address(_directory));
        for (uint256 i = 0; i < people.length; ++i) {
            holds(access.hasRole(bytes32(0), people[i]) == _handler.isOwner(people[i]), "owner");
            holds(access.hasRole(ACCREDITOR, people[i]) == _handler.isAccreditor(people[i]), "accreditor");
        }
    }

    function invariant_nobodyBringsAboutWhatIsNotTheirs() private view {
        holds(_handler.usurpations() == 0, "an act of somebody who may not");
    }

    function invariant_anActChangesWhatItsEventIsAbout() private view {
        holds(_handler.unmatched() == 0, "a silent change, an empty event, or another's entry");
    }

    function invariant_theDirectoryHoldsNoEther() private view {
        holds(address(_directory).balance == 0, "ether");
    }

    function handler() internal view override returns (Handler) {
        return _handler;
    }

    function participant(address account) private view returns (DirectoryModel.Participant memory known) {
        (known.roles, known.suspended, known.profile, known.key, known.version) =
            _directory.participantOf(account);
    }
}
