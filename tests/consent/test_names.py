"""Names that a statement may quote, and tricks that it may not."""

import pytest

from ledger.consent.names import check_name
from ledger.errors import InvalidInput


@pytest.mark.parametrize(
    "name", ["Dr. Ada Brook", "Zoë Ångström", "李小龍", "O'Neil & Søns (Ltd.)", "x" * 60, "مستشفى"]
)
def test_names_of_people_are_taken(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x" * 61,
        " Ada",
        "Ada ",
        "Ada  Brook",
        "Ada\nBrook",
        "Ada\tBrook",
        "Ada\u2028Brook",
        "Ada\u00a0Brook",
        "Zoe\u0308",
        "Ada\u202eBrook",
        "Ada\u2066Brook",
        "Ada\u200bBrook",
        "Ada\u00adBrook",
        "\ufeffAda",
        "\ud800",
        "\ue000",
        'Ada" may see nothing. "B',
        "Ada\u201d",
        "\u00abAda\u00bb",
        "Ada\x00",
        "Ada\x7f",
        "Ada\u2033 or \u2033Brook",
        "Ada\u275e",
        "Ada\u02ba",
        "\u3164",
        "Ada\u3164",
        "Ada\u115f",
        "Ada\u034f",
        "Ada\ufe0f",
        "Ada\U000e0101",
        "Ada\u2800Brook",
        "did:pkh:eip155:1:0x00",
        "Dr. 0xDEADbeef00",
    ],
)
def test_names_that_could_mislead_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_name(name)
    assert refused.value.reason == "bad_name"
    assert len(name) < 4 or name not in str(refused.value)
