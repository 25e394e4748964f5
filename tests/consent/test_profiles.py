"""PCF profiles: every rule, what meets it and what does not; and the rules against those of IHE."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.consent import codes
from ledger.consent.constraints import ClosedSlices, Constraint, Count, Extensible, Fixed
from ledger.consent.document import parse_document
from ledger.consent.profiles import CONSTRAINTS, Profile, beyond_pcf, conformance
from ledger.errors import DocumentRejected
from tests.consent.documents import (
    ORGANISATION,
    PATIENT,
    A,
    actor,
    changed,
    coding,
    concept,
    document,
    label,
    record_class,
    reference,
)

FSH = Path(__file__).parents[3] / "shared" / "data" / "pcf" / "profiles.fsh"
needs_shared = pytest.mark.skipif(not FSH.is_file(), reason="the PCF profiles are not beside the repository")

TREAT = [coding(codes.PURPOSE_SYSTEM, "TREAT")]
EXCEPTION = {"type": "deny", "actor": [actor(A)]}
BASIC, INTERMEDIATE, ADVANCED = Profile


def pcf(**provision: Any) -> dict[str, Any]:  # noqa: ANN401
    """A document that meets all three profiles, with more in its provision."""
    plain = {"type": "permit", "actor": [actor(ORGANISATION)], "purpose": TREAT}
    return document(
        plain | provision, performer=[reference(PATIENT)], organization=[reference("Organization/1")]
    )


def data(meaning: str, target: str) -> dict[str, Any]:
    return {"meaning": meaning, "reference": reference(target)}


def deviations(found: dict[str, Any], profile: Profile) -> list[str]:
    return [remark.path for remark in conformance(found, profile).deviations]


@pytest.mark.parametrize("profile", Profile)
def test_a_plain_consent_to_treatment_meets_every_profile(profile: Profile) -> None:
    found = conformance(pcf(), profile)
    assert found.is_met
    assert found.notes == ()


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("status", "Consent.status"),
        ("scope", "Consent.scope"),
        ("category", "Consent.category"),
        ("patient", "Consent.patient"),
        ("dateTime", "Consent.dateTime"),
        ("performer", "Consent.performer"),
        ("organization", "Consent.organization"),
        ("sourceAttachment", "Consent.source[x]"),
        ("provision", "Consent.provision"),
    ],
)
def test_what_the_foundation_requires_must_be_there(profile: Profile, name: str, path: str) -> None:
    assert deviations(changed(pcf(), (name,), None), profile) == [path]


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize(
    ("at", "put", "path"),
    [
        (("scope",), concept(codes.SCOPE_SYSTEM, "research"), "Consent.scope"),
        (("scope",), concept("https://example.org", "patient-privacy"), "Consent.scope"),
        (("category",), [], "Consent.category"),
        (("sourceReference",), reference("DocumentReference/1"), "Consent.source[x]"),
        (("policy", 0), {"authority": "https://example.org"}, "Consent.policy[0].uri"),
        (("verification",), [{"verified": True}], "Consent.verification"),
        (("provision", "type"), None, "Consent.provision.type"),
        (
            ("provision", "actor", 0, "role"),
            concept(codes.ROLE_SYSTEM, "CST"),
            "Consent.provision.actor[0].role",
        ),
        (("provision", "action"), [concept(codes.ACTION_SYSTEM, "access")], "Consent.provision.action"),
        (("provision", "class"), [record_class("30954-2")], "Consent.provision.class"),
        (("provision", "code"), [concept(codes.LOINC_SYSTEM, "2345-7")], "Consent.provision.code"),
    ],
)
def test_what_the_foundation_fixes_or_leaves_out(
    profile: Profile, at: tuple[str | int, ...], put: object, path: str
) -> None:
    assert deviations(changed(pcf(), at, put), profile) == [path]


def test_a_source_of_another_type_and_a_second_coding_are_fine() -> None:
    found = changed(pcf(), ("sourceAttachment",), None) | {
        "sourceReference": reference("DocumentReference/1")
    }
    found["scope"]["coding"].append(coding("https://example.org", "ours"))
    assert deviations(found, BASIC) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("securityLabel", [label("R")]),
        ("dataPeriod", {"start": "2024"}),
        ("data", [data("instance", "Observation/1")]),
        ("provision", [EXCEPTION]),
    ],
)
def test_basic_leaves_out_what_the_next_profiles_have(name: str, value: object) -> None:
    found = pcf(**{name: value})
    assert deviations(found, BASIC) == [f"Consent.provision.{name}"]
    assert deviations(found, ADVANCED) == []
    assert (deviations(found, INTERMEDIATE) == []) == (name != "securityLabel")


def test_intermediate_leaves_security_labels_out_of_exceptions_too() -> None:
    found = pcf(provision=[{"type": "deny", "securityLabel": [label("R")]}])
    assert deviations(found, INTERMEDIATE) == ["Consent.provision.provision[0].securityLabel"]
    assert deviations(found, ADVANCED) == []


@pytest.mark.parametrize("profile", [INTERMEDIATE, ADVANCED])
@pytest.mark.parametrize(
    ("name", "value", "path"),
    [
        ("action", [concept(codes.ACTION_SYSTEM, "use")], "action"),
        ("class", [record_class("34109-9")], "class"),
        ("code", [concept(codes.LOINC_SYSTEM, "2345-7")], "code"),
        ("provision", [{"type": "permit", "actor": [actor(A)]}], "provision"),
        ("actor", [{"role": concept(codes.ROLE_SYSTEM, "CST")}], "actor[0].role"),
        ("type", None, "type"),
    ],
)
def test_exceptions_are_held_to_the_same_rules(profile: Profile, name: str, value: object, path: str) -> None:
    exception = {key: item for key, item in (EXCEPTION | {name: value}).items() if item is not None}
    assert deviations(pcf(provision=[exception]), profile) == [f"Consent.provision.provision[0].{path}"]


@pytest.mark.parametrize(
    ("meaning", "target", "fits"),
    [
        ("instance", "Observation/1", True),
        ("related", "Encounter/1", True),
        ("related", "https://example.org/fhir/CarePlan/1/_history/2", True),
        ("related", "EpisodeOfCare/1", True),
        ("related", "Observation/1", False),
        ("authoredby", "Practitioner/1", True),
        ("authoredby", "PractitionerRole/1", True),
        ("authoredby", "Organization/1", True),
        ("authoredby", "Device/1", True),
        ("authoredby", "Group/1", True),
        ("authoredby", "CareTeam/1", True),
        ("authoredby", "Patient/1", True),
        ("authoredby", "RelatedPerson/1", True),
        ("authoredby", "Location/1", False),
        ("authoredby", A, True),
    ],
)
def test_intermediate_tells_what_data_may_refer_to(meaning: str, target: str, fits: bool) -> None:
    for found, path in (
        (pcf(data=[data(meaning, target)]), "Consent.provision.data[0].reference"),
        (
            pcf(provision=[{"type": "deny", "data": [data(meaning, target)]}]),
            "Consent.provision.provision[0].data[0].reference",
        ),
    ):
        assert deviations(found, INTERMEDIATE) == ([] if fits else [path])
        assert deviations(found, ADVANCED) == []


def test_a_type_that_a_reference_names_counts() -> None:
    entry = {"meaning": "related", "reference": {"type": "Observation", **reference(A)}}
    assert deviations(pcf(data=[entry]), INTERMEDIATE) == ["Consent.provision.data[0].reference"]


def test_intermediate_has_no_other_meaning_of_data() -> None:
    found = pcf(data=[data("dependents", "Encounter/1")])
    assert deviations(found, INTERMEDIATE) == ["Consent.provision.data[0].meaning"]
    assert deviations(found, ADVANCED) == []


@pytest.mark.parametrize(
    ("meaning", "targets"),
    [
        ("instance", ("Observation/1", "Observation/2")),
        ("related", ("Encounter/1", "Encounter/2")),
        ("authoredby", ("Practitioner/1", "Practitioner/2")),
    ],
)
def test_an_exception_has_one_entry_of_data_a_meaning(meaning: str, targets: tuple[str, ...]) -> None:
    several = [data(meaning, target) for target in targets]
    assert deviations(pcf(data=several), INTERMEDIATE) == []
    found = pcf(provision=[{"type": "deny", "data": several}])
    assert deviations(found, INTERMEDIATE) == ["Consent.provision.provision[0].data[1]"]
    each = [
        data("instance", "Observation/1"),
        data("related", "Encounter/1"),
        data("authoredby", "Practitioner/1"),
    ]
    assert deviations(pcf(provision=[{"type": "deny", "data": each}]), INTERMEDIATE) == []


def test_codes_beyond_an_extensible_value_set_are_noted_and_no_deviation() -> None:
    research = conformance(pcf(purpose=[coding(codes.PURPOSE_SYSTEM, "HRESCH")]), BASIC)
    assert research.is_met
    assert [note.path for note in research.notes] == ["Consent.provision.purpose[0]"]
    labels = pcf(
        securityLabel=[label("N"), label("BH")], provision=[{"type": "deny", "securityLabel": [label("SEX")]}]
    )
    found = conformance(labels, ADVANCED)
    assert found.is_met
    assert [note.path for note in found.notes] == [
        "Consent.provision.securityLabel[1]",
        "Consent.provision.provision[0].securityLabel[0]",
    ]


def test_what_is_enforced_beyond_pcf_is_named() -> None:
    deep = {"type": "deny", "actor": [actor(A)], "provision": [{"type": "permit", "purpose": TREAT}]}
    found = pcf(**{"class": [record_class("30954-2")], "provision": [deep]})
    assert [remark.path for remark in beyond_pcf(found)] == [
        "Consent.provision.class",
        "Consent.provision.provision[0].provision",
    ]
    assert beyond_pcf(found)[0].why == "uses provision.class, which PCF leaves out"
    assert beyond_pcf(pcf()) == ()


@pytest.mark.parametrize("strange", [{}, {"provision": 7}, {"provision": [[]], "policy": "x", "scope": []}])
def test_what_is_hardly_a_consent_deviates_and_breaks_nothing(strange: dict[str, Any]) -> None:
    for profile in Profile:
        assert not conformance(strange, profile).is_met


def claiming(found: dict[str, Any], *claims: str) -> dict[str, Any]:
    return found | {"meta": {"profile": list(claims)}}


@pytest.mark.parametrize("profile", Profile)
def test_a_claim_that_holds_is_accepted(profile: Profile) -> None:
    parse_document(claiming(pcf(), "https://example.org/other", profile.url, f"{profile.url}|1.1.0"))


def test_a_claim_that_does_not_hold_is_refused_where_it_stands() -> None:
    found = claiming(pcf(provision=[EXCEPTION]), "https://example.org/other", BASIC.url)
    with pytest.raises(DocumentRejected) as refused:
        parse_document(found)
    assert (refused.value.path, refused.value.reason) == ("Consent.meta.profile[1]", "profile_not_met")
    assert "Consent.provision.provision" in refused.value.message
    parse_document(claiming(pcf(provision=[EXCEPTION]), INTERMEDIATE.url))


def test_a_profile_that_pcf_does_not_have_cannot_be_claimed() -> None:
    with pytest.raises(DocumentRejected) as refused:
        parse_document(claiming(pcf(), BASIC.url + "s"))
    assert (refused.value.path, refused.value.reason) == ("Consent.meta.profile[0]", "unknown_profile")


@needs_shared
@pytest.mark.parametrize("profile", Profile)
def test_the_rules_are_those_of_the_profile(profile: Profile) -> None:
    mine = {line for constraint in CONSTRAINTS[profile] for line in written(constraint)}
    assert mine == set(rules(profile))


@needs_shared
def test_every_example_meets_the_profile_that_it_is_of() -> None:
    blocks = re.split(r"^(?=Instance: )", FSH.with_name("examples.fsh").read_text(), flags=re.MULTILINE)
    found = {
        block.split()[1]: block
        for block in blocks
        if re.search(r"^InstanceOf: \w+Consent$", block, re.MULTILINE)
    }
    assert len(found) >= 10
    for name, block in found.items():
        kind = re.search(r"^InstanceOf: (\w+)Consent$", block, re.MULTILINE)
        assert kind is not None
        assert conformance(example(block), Profile(kind[1])).deviations == (), name


LISTS = {"category", "performer", "organization", "policy", "purpose", "securityLabel", "actor", "data"}
CONCEPTS = {"scope", "category", "role"}


def example(block: str) -> dict[str, Any]:
    """An instance in FSH as JSON, as far as the examples of PCF need it."""
    found: dict[str, Any] = {}
    for line in re.findall(r"^\* (.*)$", re.sub(r'""".*?"""', "", block, flags=re.DOTALL), re.MULTILINE):
        path, _, value = line.partition(" = ")
        *above, last = re.sub(r"\[.*?\]", "", path).split(".")
        place = found
        for depth, name in enumerate(above):
            several = name in LISTS or (name == "provision" and depth > 0)
            inner = place.setdefault(name, [{}] if several else {})
            place = inner[0] if several else inner
        if last in LISTS:
            place.setdefault(last, []).append(_value(last, value))
        else:
            place[last] = _value(last, value)
    return found


def _value(name: str, text: str) -> object:
    if target := re.fullmatch(r"Reference\((.*)\)", text):
        return {"reference": target[1]}
    if (code := re.match(r"(\S*)#(\S+)", text)) is None:
        return text.strip('"')
    found = coding(code[1], code[2])
    if name in CONCEPTS:
        return {"coding": [found]}
    return found if code[1] else code[2]


def written(constraint: Constraint) -> Iterator[str]:
    """A constraint as lines of FSH."""
    match constraint:
        case Count(path=path, least=least, most=most):
            yield f"{path} {least}..{'' if most is None else most}"
        case Fixed(path=path, system=system, code=code):
            yield f"{path} = {system}#{code}"
        case Extensible(path=path, value_set=name, codes=found):
            yield f"{path} from {name} (extensible)"
            yield from (f"{name}: {system}#{code}" for system, code in found)
        case ClosedSlices(path=path, slices=slices):
            yield f"{path} ^slicing.rules = #closed"
            for one in slices:
                yield f"{path} contains {one.name} 0..{'*' if one.most is None else one.most}"
                yield f"{path}[{one.name}].meaning = #{one.meaning}"
                if one.types:
                    yield f"{path}[{one.name}].reference only Reference({' or '.join(one.types)})"


def rules(profile: Profile) -> Iterator[str]:
    """The rules of a profile and of what it inserts, each as one line; flags are none."""
    blocks = re.split(r"^(?=(?:RuleSet|Profile|ValueSet): )", FSH.read_text(), flags=re.MULTILINE)
    named = {re.split(r":\s+|\s*\n", block)[1]: block for block in blocks if block.strip()}
    lines = list(statements(named[f"{profile}Consent"]))
    assert "insert FoundationConsent" in lines
    for line in [*statements(named["FoundationConsent"]), *lines]:
        if line.startswith("insert "):
            continue
        if found := re.fullmatch(r"(\S+) contains (.*)", line):
            yield from (f"{found[1]} contains {part.strip()}" for part in found[2].split(" and "))
        elif line:
            yield line
        if found := re.search(r" from (\w+) ", line):
            yield from (f"{found[1]}: {code}" for code in statements(named[found[1]]))


def statements(block: str) -> Iterator[str]:
    """The rules of one block, without those that are flags, slicing or metadata alone."""
    bare = re.sub(r'""".*?"""|/\*.*?\*/', "", block, flags=re.DOTALL)
    bare = re.sub(r"(?<!:)//.*", "", bare)
    for statement in re.split(r"^\* ", bare, flags=re.MULTILINE)[1:]:
        line = re.sub(r" MS$", "", " ".join(statement.split()))
        is_rule = "^" not in line or "^slicing.rules" in line
        if is_rule and (" " in line or "#" in line):
            yield line
