"""How much of the gateway's ether one patient, and all of them, may have spent. Stops are never refused."""

from ledger.errors import RelayQuota
from ledger.service.gateway import Gateway
from ledger.service.states import PatientState
from ledger.store.marks import Mark

HOUR_MS = 3_600_000


def require_quota(gateway: Gateway, state: PatientState) -> None:
    """Refuse to have one more consent recorded for a patient.

    That is when the patient had too many within the hour, and for everybody when the gas of the day is spent.

    Raises:
        RelayQuota: (``account_quota``, ``gas_quota``) with the seconds to wait in ``retry_after``.
    """
    now, most = gateway.now_ms(), gateway.settings.acts_per_hour
    filed = sorted(known.row.sealed["filed"] for known in state.consents)
    recent = [moment for moment in filed if moment > now - HOUR_MS]
    if len(recent) >= most:
        wait = recent[-most] + HOUR_MS - now
        raise RelayQuota(
            f"at most {most} choices an hour are put on the chain for one person",
            reason="account_quota",
            fix="Try again later. You can stop sharing at any time.",
            retry_after=-(-wait // 1000),
        )
    if Mark.OVER_QUOTA in gateway.relayer.marks:
        raise RelayQuota(
            "the gateway has spent what it may spend on the chain in a day",
            reason="gas_quota",
            fix="Try again later. You can stop sharing at any time.",
            retry_after=HOUR_MS // 1000,
        )
