// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {moreVm, svm} from "./Svm.sol";

/// @dev Deploys the contracts as they are compiled for the chain; the properties are compiled apart from them.
abstract contract Deployed {
    string private constant OUT = "cache/symbolic/";

    function deployed(string memory name, bytes memory arguments) internal returns (address account) {
        bytes memory code = moreVm.getCode(string.concat(OUT, name, ".sol/", name, ".json"));
        code = bytes.concat(code, arguments);
        // Solidity deploys only what is compiled with it.
        assembly {
            account := create(0, add(code, 0x20), mload(code))
        }
    }

    /// @dev The same, with anything at all in its storage.
    function anyDeployed(string memory name, bytes memory arguments) internal returns (address account) {
        account = deployed(name, arguments);
        assert(account != address(0));
        svm.enableSymbolicStorage(account);
    }
}
