"""What people tell each other about themselves, signed.

=========== =================================================================================
keys        a public key with the signature of the account it belongs to
profile     what the directory on chain vouches for about a participant
application a profile on its way to an accreditor
card        an account, handed over in person
=========== =================================================================================

All of it is RFC 8785 JSON of at most 16 KiB; parsing refuses every other spelling.
"""

from ledger.parties.application import Application, parse_application
from ledger.parties.card import Card, parse_card
from ledger.parties.keys import VouchedKey
from ledger.parties.profile import Profile, Role, parse_profile

__all__ = [
    "Application",
    "Card",
    "Profile",
    "Role",
    "VouchedKey",
    "parse_application",
    "parse_card",
    "parse_profile",
]
