"""The everyday cases: what each is for, what it allows, and how long it lasts if nothing is said."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType


class Case(StrEnum):
    """What people commonly share records for."""

    CARE = "care"
    RESEARCH = "research"
    EMERGENCY = "emergency"
    VISIT = "visit"
    DEVICE = "device"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Purposes and actions of a case; ``lasts`` is for a case that ends by itself."""

    purposes: tuple[str, ...]
    actions: tuple[str, ...] = ("access",)
    lasts: timedelta | None = None


TERMS = MappingProxyType(
    {
        Case.CARE: Terms(purposes=("TREAT",)),
        Case.RESEARCH: Terms(purposes=("HRESCH",)),
        Case.EMERGENCY: Terms(purposes=("ETREAT",)),
        Case.VISIT: Terms(purposes=("TREAT",), actions=("access", "collect"), lasts=timedelta(days=1)),
        Case.DEVICE: Terms(purposes=("TREAT",), actions=("collect",)),
    }
)
