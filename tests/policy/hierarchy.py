"""The code lists once more, as parents and children, for the evaluator that shares nothing with the engine.

Codes and *is-a*: HL7 Terminology (THO, CC0), v3-ActReason below PurposeOfUse and v3-ActCode below
InformationSensitivityPolicy, without retired codes. Classes: LOINC's and ours.
Actions: consentaction.
"""

PURPOSE_CHILDREN = """
PurposeOfUse HMARKT HOPERAT HPAYMT HRESCH PATRQT PUBHLTH TREAT
HOPERAT CAREMGT DONAT FRAUD GOV HACCRED HCOMPL HDECD HDIRECT HDM HLEGAL HOUTCOMS HPRGRP HQUALIMP HSYSADMIN
HOPERAT MEMADMIN MILCDM PATADMIN PATSFTY PERFMSR RECORDMGT SYSDEV TRAIN MLTRAINING
HSYSADMIN LABELING METAMGT
SYSDEV HTEST
HPAYMT CLMATTCH COVAUTH COVERAGE REMITADV PMTDS
COVERAGE ELIGDTRM ELIGVER ENROLLM MILDCRG
HRESCH BIORCH CLINTRCH DSRCH POARCH TRANSRCH
CLINTRCH CLINTRCHNPC CLINTRCHPC PRECLINTRCH
PATRQT FAMRQT PWATRNY SUPNWK
PUBHLTH DISASTER THREAT
TREAT CLINTRL COC ETREAT POPHLTH TREATDS
ETREAT BTG ERTREAT
"""

SENSITIVITY_CHILDREN = """
_InformationSensitivityPolicy _ActInformationSensitivityPolicy _EntitySensitivityPolicyType
_InformationSensitivityPolicy _RoleInformationSensitivityPolicy ADOL CEL VIP DIA DRGIS EMP PDS PHY PRS
_ActInformationSensitivityPolicy ETH GDIS HIV MST PREGNANT SCA SDV SEX SPI STD TBOO VIO IDS
SPI BH MH PSY PSYTHPN SUD
BH COGN DVD EMOTDIS
SUD ETHUD OPIOIDUD
_EntitySensitivityPolicyType DEMO DOB GENDER LIVARG MARST PATLOC RACE REL
_RoleInformationSensitivityPolicy B EMPL LOCIS SSP
"""


def parents(table: str) -> dict[str, str]:
    found = {}
    for line in table.strip().splitlines():
        parent, *children = line.split()
        found.update(dict.fromkeys(children, parent))
    return found


PURPOSE_PARENT = parents(PURPOSE_CHILDREN)
SENSITIVITY_PARENT = parents(SENSITIVITY_CHILDREN)

PURPOSES = tuple(PURPOSE_PARENT)
SENSITIVITIES = tuple(code for code in SENSITIVITY_PARENT if not code.startswith("_"))
CONFIDENTIALITIES = tuple("ULMNRV")
ACTIONS = ("access", "use", "disclose", "collect", "correct")
CLASSES = (
    "30954-2", "8716-3", "11450-4", "10160-0", "11369-6", "47519-4", "46240-8", "48765-2", "18748-4",
    "18776-5", "61146-7", "29762-2", "34109-9", "48768-6", "demographics", "directory", "devices", "other",
)  # fmt: skip


def upward(code: str) -> set[str]:
    """The code and all above it, in whichever tree it stands."""
    found = {code}
    while code in PURPOSE_PARENT or code in SENSITIVITY_PARENT:
        code = PURPOSE_PARENT.get(code) or SENSITIVITY_PARENT[code]
        found.add(code)
    return found
