"""IHE Privacy Consent on FHIR (PCF): which of its profiles a document meets, and where it differs from them.

The rules are those of the three profiles and of the rule set that they share, one object for each, read as
FHIR reads them: a count holds in every parent that is there, and a fixed code is a pattern. Beyond that:

* What the rule set says of ``provision`` it says of nested provisions too, because these are provisions.
* The value sets are extensible, so a code outside is no deviation; it is noted.
* A reference of which nothing shows the type, such as a did, may be of any type.

What a profile leaves out may be enforced here all the same. A document is held only to what it claims.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from ledger.consent.codes import (
    CONFIDENTIALITY_SYSTEM,
    PURPOSE_SYSTEM,
    ROLE_SYSTEM,
    SCOPE_SYSTEM,
    SENSITIVITY_SYSTEM,
)
from ledger.consent.constraints import ClosedSlices, Constraint, Count, Extensible, Fixed, Remark, Slice
from ledger.errors import DocumentRejected

CANONICAL = "https://profiles.ihe.net/ITI/PCF/StructureDefinition/"


class Profile(StrEnum):
    """The profiles, the narrowest first."""

    BASIC = "Basic"
    INTERMEDIATE = "Intermediate"
    ADVANCED = "Advanced"

    @property
    def url(self) -> str:
        """The URL by which ``meta.profile`` claims it."""
        return f"{CANONICAL}IHE.PCF.consent{self}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conformance:
    """How a document stands to one profile; `notes` are about codes that extend its value sets."""

    profile: Profile
    deviations: tuple[Remark, ...]
    notes: tuple[Remark, ...]

    @property
    def is_met(self) -> bool:
        """Whether every rule of the profile holds."""
        return not self.deviations


_PCF = "PCF"
_RELATED = ("Encounter", "CarePlan", "EpisodeOfCare")
_AUTHORS = (
    "Practitioner",
    "PractitionerRole",
    "Organization",
    "Device",
    "Group",
    "CareTeam",
    "Patient",
    "RelatedPerson",
)

_FOUNDATION: tuple[Constraint, ...] = (
    Count(path="status", least=1, most=1),
    Count(path="scope", least=1, most=1),
    Fixed(path="scope", system=SCOPE_SYSTEM, code="patient-privacy"),
    Count(path="category", least=1),
    Count(path="patient", least=1, most=1),
    Count(path="dateTime", least=1, most=1),
    Count(path="performer", least=1),
    Count(path="organization", least=1),
    Count(path="source[x]", least=1, most=1),
    Count(path="policy.uri", least=1, most=1),
    Count(path="verification", most=0, without=_PCF),
    Count(path="provision", least=1, most=1),
    Count(path="provision.type", least=1, most=1, nested=True),
    Fixed(path="provision.actor.role", system=ROLE_SYSTEM, code="IRCP", nested=True),
    Count(path="provision.action", most=0, nested=True, without=_PCF),
    Count(path="provision.class", most=0, nested=True, without=_PCF),
    Count(path="provision.code", most=0, nested=True, without=_PCF),
    Count(path="provision.provision.provision", most=0, without=_PCF),
)

_BASIC: tuple[Constraint, ...] = (
    Count(path="provision.securityLabel", most=0, nested=True),
    Extensible(
        path="provision.purpose",
        value_set="BasicPurposeVS",
        codes=frozenset((PURPOSE_SYSTEM, code) for code in ("TREAT", "HPAYMT", "HOPERAT")),
    ),
    Count(path="provision.dataPeriod", most=0, nested=True),
    Count(path="provision.data", most=0, nested=True),
    Count(path="provision.provision", most=0),
)

_INTERMEDIATE: tuple[Constraint, ...] = (
    Count(path="provision.securityLabel", most=0, nested=True),
    ClosedSlices(
        path="provision.data",
        slices=(
            Slice(name="iData", meaning="instance"),
            Slice(name="rData", meaning="related", types=_RELATED),
            Slice(name="aData", meaning="authoredby", types=_AUTHORS),
        ),
    ),
    ClosedSlices(
        path="provision.provision.data",
        slices=(
            Slice(name="iDataP", meaning="instance", most=1),
            Slice(name="rDataP", meaning="related", most=1, types=_RELATED),
            Slice(name="aDataP", meaning="authoredby", most=1, types=_AUTHORS),
        ),
    ),
)

_SECURITY_TAGS = frozenset(
    {(CONFIDENTIALITY_SYSTEM, code) for code in ("R", "N")}
    | {(SENSITIVITY_SYSTEM, code) for code in ("ETH", "ETHUD", "OPIOIDUD", "PSY", "SDV", "HIV")}
)

_ADVANCED: tuple[Constraint, ...] = tuple(
    Extensible(path=path, value_set="AdvancedSecurityTagVS", codes=_SECURITY_TAGS)
    for path in ("provision.securityLabel", "provision.provision.securityLabel")
)

CONSTRAINTS: Mapping[Profile, tuple[Constraint, ...]] = MappingProxyType(
    {
        Profile.BASIC: _FOUNDATION + _BASIC,
        Profile.INTERMEDIATE: _FOUNDATION + _INTERMEDIATE,
        Profile.ADVANCED: _FOUNDATION + _ADVANCED,
    }
)
"""Every rule of each profile."""

_BY_URL = {profile.url: profile for profile in Profile}


def conformance(consent: Mapping[str, Any], profile: Profile) -> Conformance:
    """How a FHIR Consent, as JSON, stands to a profile."""
    deviations: list[Remark] = []
    notes: list[Remark] = []
    for constraint in CONSTRAINTS[profile]:
        (deviations if constraint.binding else notes).extend(constraint.remarks(consent))
    return Conformance(profile=profile, deviations=tuple(deviations), notes=tuple(notes))


def beyond_pcf(consent: Mapping[str, Any]) -> tuple[Remark, ...]:
    """The elements of a document that no profile of PCF has."""
    constraints = (one for one in _FOUNDATION if isinstance(one, Count) and one.without == _PCF)
    return tuple(remark for one in constraints for remark in one.remarks(consent))


def require_claimed(consent: Mapping[str, Any]) -> None:
    """Refuse a document that claims a PCF profile in ``meta.profile`` and does not meet it.

    Profiles of others are none of our business: they are carried.

    Raises:
        DocumentRejected: it does not meet it (``profile_not_met``), or PCF has no such profile
            (``unknown_profile``); the path names the claim.
    """
    meta = consent.get("meta")
    for index, claim in enumerate(meta.get("profile", ()) if isinstance(meta, dict) else ()):
        if not claim.startswith(CANONICAL):
            continue
        path = f"Consent.meta.profile[{index}]"
        profile = _BY_URL.get(claim.partition("|")[0])
        if profile is None:
            raise DocumentRejected(path, "PCF has no such profile of consents", reason="unknown_profile")
        found = conformance(consent, profile).deviations
        if found:
            raise DocumentRejected(
                path,
                f"the document is not PCF {profile}: at {found[0].path}, {found[0].why}",
                reason="profile_not_met",
                fix="mend it, or leave out the claim",
            )
