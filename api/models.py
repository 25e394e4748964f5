"""Bodies of requests. Shapes only: what a value means is checked in `ledger.service`."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from ledger.chain.wallets import LONGEST
from ledger.records.publish import MOST_RECORDS

Code = Annotated[str, Field(max_length=64)]
Name = Annotated[str, Field(max_length=128)]
"""A did, a CID, 32 bytes in hexadecimal."""


class Body(BaseModel):
    """A request body: strict types, no unknown members."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ChallengeBody(Body):
    """Whose sign-in is to be challenged."""

    account: str = Field(examples=["0x9858EfFD232B4033E47d90003D41EC34EcaEda94"])


class SignInBody(Body):
    """An EIP-4361 message and its EIP-191 signature, or what the wallet at the account takes for one."""

    message: str = Field(max_length=4096)
    signature: str = Field(max_length=2 + 2 * LONGEST)


class MachineKeyBody(Body):
    """A public JWK (EC P-384, or RSA of at least 2048 bits), and the signature over `MachineKey`."""

    jwk: dict[Name, Annotated[str, Field(max_length=2048)]] = Field(max_length=4)
    signature: str = Field(max_length=132)


class KeyBody(Body):
    """A signed public key of one epoch."""

    epoch: int = Field(ge=0, lt=2**32)
    key: str = Field(max_length=1700, description="ML-KEM-768 and X25519 public key, 1216 bytes in base64")
    signature: str = Field(max_length=132)


class EnrolmentBody(Body):
    """A patient's erasure address and inbox key, signed by the account; the erasure key signs too."""

    erasure: Name
    signature: str = Field(max_length=132)
    possession: str = Field(max_length=132, description="The same struct signed by the erasure key.")
    inbox: KeyBody


class SignedStopBody(Body):
    """A consent, and its controller's signature over `Revocation`."""

    consent: str = Field(max_length=66)
    signature: str = Field(max_length=132)


class SuccessionBody(Body):
    """A change of keys to the signed-in account: signed by the old account, the new one, and a provider.

    The provider is the ``witness``, who has met the patient in person; people as did.
    """

    old: Name
    witness: Name
    version: int = Field(ge=0, lt=2**53, description="Of the old account, when it was looked at.")
    signature: str = Field(max_length=132, description="Of the old account, over `Succession`.")
    acceptance: str = Field(max_length=132, description="Of the new account, over the same.")
    identification: str = Field(max_length=132, description="Of the witness, over `Identification`.")
    stops: list[SignedStopBody] = Field(default_factory=list, max_length=1000)


class DepartureBody(Body):
    """The order to let a patient go: to which log and gateway, and their signature over `Departure`."""

    to: str = Field(max_length=256, description="Origin of the log at which the patient goes on.")
    url: str = Field(max_length=256, description="Of its gateway.")
    signature: str = Field(max_length=132)
    version: int = Field(ge=0, lt=2**53, description="The patient's, when everything was brought there.")


class ErasureBody(Body):
    """The order to erase: the erasure address, and its signature over `Erasure`."""

    erasure: Name
    size: int = Field(ge=0, lt=2**53, description="Of a checkpoint that covers every entry of the patient.")
    signature: str = Field(max_length=132)


class CompartmentBody(Body):
    """Signed keys of a compartment, the current epoch's and those for later."""

    record_class: str = Field(alias="class")
    labels: list[str] = Field(max_length=64)
    keys: list[KeyBody] = Field(min_length=1, max_length=8)


class RecordBody(Body):
    """A record's signed metadata and its capsule; the ciphertext lies in the block store."""

    root: str
    header: str = Field(max_length=1 << 20)
    capsule: str = Field(max_length=1700)
    compartment: str
    epoch: int = Field(ge=0, lt=2**32)
    signature: str = Field(max_length=132)


class RecordsBody(Body):
    """Records that are published together or not at all."""

    records: list[RecordBody] = Field(min_length=1, max_length=MOST_RECORDS)


class PlaceBody(Body):
    """Where a writer would put a record of a patient, told by its header."""

    patient: Name
    purpose: list[Code] = Field(default=["TREAT"], max_length=8)
    header: str = Field(max_length=1 << 20)


class PublicationsBody(RecordsBody):
    """A writer's records of one patient, and what they are for."""

    patient: Name
    purpose: list[Code] = Field(default=["TREAT"], max_length=8)


class RefilingBody(Body):
    """A record's key in its compartment, and the patient's signature for both."""

    root: str
    capsule: str = Field(max_length=1700)
    compartment: str
    epoch: int = Field(ge=0, lt=2**32)
    signature: str = Field(max_length=132)


class RefilingsBody(Body):
    """Records that are filed together or not at all."""

    records: list[RefilingBody] = Field(min_length=1, max_length=MOST_RECORDS)


class ProfileBody(Body):
    """A participant's public profile as canonical JSON text."""

    profile: str = Field(max_length=16384)


class RequestBody(Body):
    """What a provider asks a patient for; times in Unix milliseconds."""

    patient: Name
    purpose: list[Code] = Field(max_length=8)
    action: Code = "access"
    classes: list[Code] = Field(default_factory=list, max_length=32)
    expires: int | None = None
    until: int | None = None
    note: str = Field(default="", max_length=300)


class RenewalBody(Body):
    """Which consent a provider asks to prolong, and until when; times in Unix milliseconds."""

    consent: Name
    until: int
    expires: int | None = None
    note: str = Field(default="", max_length=300)


class WebhookBody(Body):
    """Where a provider's receiver is, and which events it wants; all unless some are named."""

    url: str = Field(max_length=1024)
    events: list[Code] = Field(default_factory=list, max_length=32)


class CapsuleBody(Body):
    """One grant capsule."""

    compartment: str
    epoch: int = Field(ge=0, lt=2**32)
    recipient: str
    capsule: str = Field(max_length=1700)


class CapsulesBody(Body):
    """A consent's grant capsules and the patient's signature over their digests in this order."""

    items: list[CapsuleBody] = Field(max_length=1000, alias="list")
    signature: str = Field(max_length=132)


class FilingBody(Body):
    """Everything a patient files: see `ledger.consent.commitment`."""

    document: str = Field(max_length=1 << 20)
    statement: str = Field(max_length=1 << 16)
    salt: str
    controller: str
    epoch: int
    until: int
    signature: str = Field(max_length=132)
    binding: str | None = Field(default=None, max_length=132)


class ConsentBody(Body):
    """A filing with its capsules, and the request that it answers."""

    filing: FilingBody
    capsules: CapsulesBody
    request: str | None = None


class DocumentBody(Body):
    """A consent document that is not filed yet."""

    document: str = Field(max_length=1 << 20)


class RevocationBody(Body):
    """The controller's signature over `Revocation(bytes32 consent)`; whether it may reach the chain later."""

    signature: str = Field(max_length=132)
    spread: bool = False


class StopBody(Body):
    """A stop as anybody can bring it on chain: the consent's terms by their hash, and the signature."""

    controller: str = Field(max_length=42)
    epoch: int = Field(ge=0, lt=1 << 16)
    terms_hash: str = Field(max_length=66)
    until: int = Field(ge=0, lt=1 << 40)
    signature: str = Field(max_length=132)
    spread: bool = False


class AccessRequestBody(Body):
    """The members of the EIP-712 struct `AccessRequest`; people as did, ``expires`` in Unix seconds."""

    origin: str = Field(max_length=256)
    participant: Name
    patient: Name
    purpose: list[Code] = Field(max_length=8)
    action: Code
    classes: list[Code] = Field(max_length=32)
    records: list[Name] = Field(max_length=1000)
    nonce: Name
    expires: int


class ReleaseBody(Body):
    """A signed request for records, and the emergency in which it is made."""

    request: AccessRequestBody
    signature: str = Field(max_length=132)
    emergency: Name | None = None


class DeclarationBody(Body):
    """The members of the EIP-712 struct `EmergencyDeclaration`; ``until`` in Unix seconds."""

    origin: str = Field(max_length=256)
    participant: Name
    patient: Name
    purpose: Code
    reason: str = Field(max_length=300)
    nonce: Name
    until: int


class EmergencyBody(Body):
    """A signed declaration of an emergency."""

    declaration: DeclarationBody
    signature: str = Field(max_length=132)


class ReviewBody(Body):
    """What the patient or an auditor finds of an emergency: ``justified`` or ``unjustified``."""

    finding: Code
    note: str = Field(default="", max_length=300)
    signature: str = Field(max_length=132)


class AuthzenEntity(BaseModel):
    """An AuthZEN subject or resource; unknown members are ignored, as its specification asks."""

    type: str = Field(max_length=64)
    id: str = Field(max_length=256)
    properties: dict[str, Any] = Field(default_factory=dict)


class AuthzenAction(BaseModel):
    """An AuthZEN action."""

    name: str = Field(max_length=64)
    properties: dict[str, Any] = Field(default_factory=dict)


class EvaluationBody(BaseModel):
    """An AuthZEN 1.0 access evaluation request."""

    subject: AuthzenEntity
    action: AuthzenAction
    resource: AuthzenEntity
    context: dict[str, Any] = Field(default_factory=dict)


class EvaluationsBody(BaseModel):
    """An AuthZEN 1.0 batch: defaults, and evaluations whose keys replace them whole."""

    subject: AuthzenEntity | None = None
    action: AuthzenAction | None = None
    resource: AuthzenEntity | None = None
    context: dict[str, Any] | None = None
    evaluations: list[dict[str, Any]] | None = Field(default=None, max_length=1000)
    options: dict[str, Any] = Field(default_factory=dict)

    @property
    def defaults(self) -> dict[str, Any]:
        """What an evaluation has unless it says otherwise."""
        return self.model_dump(include={"subject", "action", "resource", "context"}, exclude_none=True)


class AuthzenWanted(BaseModel):
    """What is searched for: its type; its id is ignored."""

    type: str = Field(max_length=64)
    properties: dict[str, Any] = Field(default_factory=dict)


class AuthzenPage(BaseModel):
    """Where a search goes on, and how far it looks."""

    token: str = Field(default="", max_length=512)
    limit: int = Field(default=100, ge=1, le=100)


class Search(BaseModel):
    """What every AuthZEN 1.0 search has."""

    context: dict[str, Any] = Field(default_factory=dict)
    page: AuthzenPage = Field(default_factory=AuthzenPage)


class SubjectSearchBody(Search):
    """An AuthZEN 1.0 search for those who may."""

    subject: AuthzenWanted
    action: AuthzenAction
    resource: AuthzenEntity


class ResourceSearchBody(Search):
    """An AuthZEN 1.0 search for what somebody may do something with."""

    subject: AuthzenEntity
    action: AuthzenAction
    resource: AuthzenWanted


class ActionSearchBody(Search):
    """An AuthZEN 1.0 search for what somebody may do."""

    subject: AuthzenEntity
    resource: AuthzenEntity
