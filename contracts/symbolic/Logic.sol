// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

// `&&`, `||` and `?:` without a jump. Whatever is computed before or after a jump is computed once for each side of
// it, so an assumption spelled with them makes a property many times slower.

function both(bool left, bool right) pure returns (bool result) {
    // result = left && right;
    assembly {
        result := and(left, right)
    }
}

function either(bool left, bool right) pure returns (bool result) {
    // result = left || right;
    assembly {
        result := or(left, right)
    }
}
