"""Applying to the participant directory."""

from collections.abc import Sequence

from ledger.client.config import Config
from ledger.crypto.identity import Account, Identity
from ledger.crypto.sealing import KeyPair
from ledger.ids import did_of
from ledger.parties import Application, Profile, Role, VouchedKey

FIRST_VERSION = 1
GATEWAY_KIND = "service"


def apply_for(
    identity: Identity,
    config: Config,
    *,
    name: str,
    kind: str,
    roles: Sequence[str],
    version: int = FIRST_VERSION,
) -> Application:
    """A signed application: the public profile with an encryption key, and the roles that are asked for.

    Raises:
        InvalidInput: a name that cannot be shown to patients, an unknown kind or role.
    """
    deployment = config.deployment
    encryption = VouchedKey.encryption(
        identity.account,
        KeyPair.from_secret(identity.encryption_secret(version)).public,
        version=version,
        chain_id=deployment.chain_id,
        directory=deployment.directory,
    )
    wanted = Role.of(list(roles))
    profile = Profile(
        participant=did_of(deployment.chain_id, identity.account.address),
        name=name,
        kind=kind,
        encryption=encryption if Role.PROVIDER in wanted else None,
    )
    return Application.sign(profile, wanted, identity.account)


def apply_as_gateway(account: Account, config: Config, *, name: str) -> Application:
    """A signed application of a gateway: its account runs a log, and nothing is ever sealed to it.

    Raises:
        InvalidInput: a name that cannot be shown.
    """
    did = did_of(config.deployment.chain_id, account.address)
    return Application.sign(Profile(participant=did, name=name, kind=GATEWAY_KIND), Role.GATEWAY, account)
