"""Every error that a contract can refuse a call with, as an error of the ledger.

A revert carries the selector of a Solidity error and its arguments. Arguments can name people or consents, so
they are not repeated; the sentence says what to do.
"""

from functools import cache

from contracts import CONTRACTS, artifact
from ledger.errors import (
    Bug,
    ChainUnreachable,
    Conflict,
    Forbidden,
    InvalidInput,
    LedgerError,
    NotAdmitted,
    NotFound,
    SignatureInvalid,
)
from ledger.keccak import keccak256

_CONSENT = "Sign a new consent."
_Meaning = tuple[type[LedgerError], str, str]

MEANINGS: dict[str, _Meaning] = {
    "AccessControlBadConfirmation": (Forbidden, "a role is given up by its holder only", ""),
    "AccessControlUnauthorizedAccount": (
        Forbidden,
        "this key does not have the role that the call needs",
        "Use an accreditor's key: --key FILE.",
    ),
    "AlreadyRecorded": (Conflict, "the consent is recorded already", ""),
    "BadRoles": (InvalidInput, "no such roles", "Name provider, gateway or auditor."),
    "BadSignature": (SignatureInvalid, "the signature is not by the account that it must be by", ""),
    "ConsentEnded": (Conflict, "the consent was stopped, for good", _CONSENT),
    "EpochIsTerminal": (Conflict, "the controller has stopped everything, for good", _CONSENT),
    "Expired": (InvalidInput, "the consent has ended already", _CONSENT),
    "GrowsTooMuch": (InvalidInput, "one anchor covers too many new entries", "Anchor in smaller steps."),
    "InvalidShortString": (Bug, "a contract was deployed with a name it cannot hold", ""),
    "NotAdmitted": (NotAdmitted, "the account is not in the directory", "Admit it first."),
    "NotController": (Forbidden, "only the consent's controller may do this", ""),
    "NotCurrent": (Conflict, "another anchor of this log came first", ""),
    "NotDeployed": (
        SignatureInvalid,
        "the signature is of a wallet that is not deployed yet",
        "Deploy the wallet, then sign again with it.",
    ),
    "NotEnoughGas": (ChainUnreachable, "the transaction had too little gas", "Try again."),
    "NotGrowing": (InvalidInput, "an anchor must be of a larger log than the last", ""),
    "NotRecorded": (NotFound, "the registry does not know this consent", "Stop it with its full text."),
    "StaleKeyVersion": (
        Conflict,
        "a key of this version, or a later one, is in the directory",
        "Raise the version of the key.",
    ),
    "StringTooLong": (Bug, "a contract was deployed with a name it cannot hold", ""),
    "Suspended": (
        Conflict,
        "the participant is suspended",
        "End the suspension first: consent participant reinstate.",
    ),
    "VersionLeaps": (
        InvalidInput,
        "the version of the key is too far above the current one",
        "Take the next version.",
    ),
    "WrongEpoch": (Conflict, "the controller's epoch is another one", _CONSENT),
    "ZeroAddress": (InvalidInput, "there is nobody at address zero", ""),
    "ZeroKey": (InvalidInput, "a key's digest is not zero", ""),
}
"""Class of the fault, sentence, and what to do, by the name of the Solidity error."""


def refused(data: bytes) -> LedgerError | None:
    """The error that a contract's revert data stands for; None for data of no error of ours."""
    name = _selectors().get(data[:4])
    if name is None:
        return None
    kind, message, fix = MEANINGS[name]
    return kind(message, reason=_snake(name), fix=fix)


@cache
def _selectors() -> dict[bytes, str]:
    found = {}
    for contract in CONTRACTS:
        for entry in artifact(contract).abi:
            if entry["type"] == "error":
                types = ",".join(parameter["type"] for parameter in entry["inputs"])
                found[keccak256(f"{entry['name']}({types})".encode())[:4]] = entry["name"]
    return found


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
