"""Who is to own the directory, as it is said on the command line."""

from typing import TYPE_CHECKING

from ledger.errors import InvalidInput

if TYPE_CHECKING:
    from ledger.ids import Address

_ZERO = "0x" + "00" * 20


def owner_named(given: str) -> "Address":
    """The account that ``--owner`` names.

    Raises:
        InvalidInput: not a checksummed address, or the zero address, which nobody can sign for.
    """
    from ledger.ids import parse_address

    try:
        owner = parse_address(given)
    except InvalidInput as exc:
        raise InvalidInput(
            f"--owner: {exc.message}",
            reason="bad_address",
            fix="Copy it from the wallet: 0x and 40 hexadecimal digits, whose capitals are a checksum.",
        ) from exc
    if owner == _ZERO:
        raise InvalidInput(
            "--owner: nobody can sign for the zero address, so nobody could name accreditors",
            reason="zero_owner",
            fix="Name the account that is to own the directory, on a public network a multisig.",
        )
    return owner
