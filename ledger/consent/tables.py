"""The code tables, each line a code and its words for patients; indentation is *is-a*.

Codes and hierarchy: HL7 Terminology (THO, CC0), UTG commit a19c2636: v3-ActReason (PurposeOfUse),
v3-ActCode 11.0.0 (InformationSensitivityPolicy), v3-Confidentiality 5.0.0, consentaction 1.0.1.
Classes: LOINC section codes and four of ours. The words are ours and part of ``statement/en/1``: once
consents are signed over them they change only with a new statement version. A code without words is
abstract: it orders others and cannot be named in a document.
"""

PURPOSES = """
PurposeOfUse
  HMARKT        selling or promoting health goods
  HOPERAT       running health services
    CAREMGT     checking and planning how care is run
    DONAT       organ or tissue donation
    FRAUD       finding and stopping fraud
    GOV         work of the government
    HACCRED     checking that a health site meets set rules
    HCOMPL      meeting legal duties
    HDECD       matters of a person who has died
    HDIRECT     keeping a list of patients
    HDM         running a health plan or insurance
    HLEGAL      a court case
    HOUTCOMS    measuring how well care works
    HPRGRP      reports that a health program must make
    HQUALIMP    making care better
    HSYSADMIN   looking after computer systems
      LABELING  putting marks on records
      METAMGT   sorting and indexing records
    MEMADMIN    handling your health plan membership
    MILCDM      decisions of a military command
    PATADMIN    patient paperwork
    PATSFTY     keeping patients safe
    PERFMSR     measuring how well staff and sites do
    RECORDMGT   keeping records in order
    SYSDEV      building computer systems
      HTEST     testing computer systems
    TRAIN       teaching staff
    MLTRAINING  training computer models
  HPAYMT        paying for your care
    CLMATTCH    papers that go with a claim
    COVAUTH     asking a health plan to approve care
    COVERAGE    your health plan cover
      ELIGDTRM  deciding if a plan can cover you
      ELIGVER   checking that a plan covers you
      ENROLLM   joining a health plan
      MILDCRG   leaving the military
    REMITADV    notes on what was paid
    PMTDS       computer help in deciding on payment
  HRESCH        health research
    BIORCH      research in biology and medicine
    CLINTRCH    research in clinical trials
      CLINTRCHNPC  research in clinical trials that give no care
      CLINTRCHPC   research in clinical trials that give care
      PRECLINTRCH  research before clinical trials
    DSRCH       research on one disease
    POARCH      research on family origins
    TRANSRCH    research that brings findings into care
  PATRQT        something you asked for
    FAMRQT      something your family asked for
    PWATRNY     a person who may act for you by law
    SUPNWK      friends and family who support you
  PUBHLTH       public health
    DISASTER    help in a disaster
    THREAT      stopping a health threat
  TREAT         treating you
    CLINTRL     treating you in a clinical trial
    COC         making your care work together
    ETREAT      treating you in an emergency
      BTG       opening records in an emergency
      ERTREAT   treating you in an emergency room
    POPHLTH     planning care for groups of people
    TREATDS     computer help in treating you
"""

SENSITIVITIES = """
_InformationSensitivityPolicy
  _ActInformationSensitivityPolicy
    ETH         alcohol or drug use
    GDIS        inherited disease
    HIV         HIV or AIDS
    MST         sexual harm in the military
    PREGNANT    pregnancy
    SCA         sickle cell disease
    SDV         sexual assault, abuse or violence at home
    SEX         sexual and reproductive health
    SPI         matters with special protection by law
      BH        behavior and mood problems
        COGN    trouble with thinking or memory
        DVD     developmental disability
        EMOTDIS emotional problems
      MH        mental health
      PSY       psychiatric illness
      PSYTHPN   notes from talk therapy
      SUD       addiction
        ETHUD   alcohol addiction
        OPIOIDUD opioid addiction
    STD         infections passed on by sex
    TBOO        matters a doctor should tell you first
    VIO         harm by violence
    IDS         numbers that identify you
  _EntitySensitivityPolicyType
    DEMO        all personal details
    DOB         date of birth
    GENDER      gender and sexual orientation
    LIVARG      how and with whom you live
    MARST       marital status
    PATLOC      where you are
    RACE        race
    REL         religion
  _RoleInformationSensitivityPolicy
    B           business secrets
    EMPL        your employer
    LOCIS       places
    SSP         who gives you sensitive care
  ADOL          being a teenager
  CEL           being famous
  VIP           being a very important person
  DIA           diagnoses
  DRGIS         drugs and medicines
  EMP           being staff here
  PDS           matters kept private by default
  PHY           matters a doctor asked to keep private
  PRS           matters you asked to keep private
"""

CONFIDENTIALITIES = """
U  open
L  low
M  medium
N  normal
R  private
V  very private
"""

ACTIONS = """
access    look at them
use       use them in their work
disclose  pass them on to others
collect   add new records to yours
correct   ask for them in order to correct them
"""

CLASSES = """
30954-2       labs           lab test results
8716-3        vitals         vital signs
11450-4       problems       health problems
10160-0       medications    medicines
11369-6       immunizations  vaccines
47519-4       procedures     surgery and other procedures
46240-8       encounters     visits
48765-2       allergies      allergies
18748-4       imaging        scans and X-rays
18776-5       plan           care plans
61146-7       goals          health goals
29762-2       social         habits and home life
34109-9       notes          notes and letters
48768-6       billing        bills and claims
demographics  demographics   name, birth date and address
directory     directory      who treats you and where
devices       devices        devices
other         other          records of other kinds
"""
