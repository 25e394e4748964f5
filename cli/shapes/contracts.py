"""Answers about the contracts on a chain. Amounts of wei are decimal text: they do not fit every number."""

from cli.shapes.base import Part, Shape
from cli.shapes.stack import CheckPart


class PlannedContract(Part, frozen=True, kw_only=True):
    """One contract at the address that follows from its code."""

    name: str
    address: str
    there: bool


class PlannedStep(Part, frozen=True, kw_only=True):
    """One transaction that would be sent; ``gas`` is an estimate, ``wei`` is sent along."""

    name: str
    to: str
    gas: int
    wei: str


class DeploymentPlanned(Shape, frozen=True, kw_only=True):
    """What deploying would do; ``gas`` is that of all steps. ``affordable``: the sender holds ``most``."""

    network: str
    chain_id: int
    head: int
    sender: str
    owner: str
    balance: str
    contracts: list[PlannedContract]
    steps: list[PlannedStep]
    gas: int
    cost: str
    most: str
    affordable: bool
    file: str
    notes: list[str]


class DeploymentPart(Part, frozen=True, kw_only=True):
    """Where the contracts are; ``block`` is the first that can have an event of theirs."""

    chain_id: int
    registry: str
    directory: str
    anchor: str
    block: int


class SentPart(Part, frozen=True, kw_only=True):
    """One transaction that was broadcast."""

    step: str
    transaction: str


class ContractsDeployed(Shape, frozen=True, kw_only=True):
    """All three contracts are on chain, and verified; ``written``: the file is new, or was changed."""

    network: str
    deployment: DeploymentPart
    owner: str
    sent: list[SentPart]
    final: bool
    file: str
    written: bool
    notes: list[str]


class DeployedPart(Part, frozen=True, kw_only=True):
    """The code at one contract's address, by its size and keccak-256."""

    name: str
    address: str
    bytes: int
    code_hash: str


class ContractsVerified(Shape, frozen=True, kw_only=True):
    """Whether what is deployed is what was compiled, as of one block of the node."""

    ok: bool
    chain_id: int
    block: int
    block_hash: str
    compared_with: str
    compiler: str
    contracts: list[DeployedPart]
    owners: list[str]
    checks: list[CheckPart]
    notes: list[str]
