"""Answers about contracts, gateways and their health."""

from cli.shapes.base import Part, Shape


class ArtifactPart(Part, frozen=True, kw_only=True):
    """One compiled contract."""

    name: str
    bytes: int
    same_as_committed: bool


class ContractsBuilt(Shape, frozen=True, kw_only=True):
    """What the compiler made of the sources."""

    artifacts: list[ArtifactPart]


class CheckPart(Part, frozen=True, kw_only=True):
    """One thing that a check looked at."""

    name: str
    ok: bool
    detail: str


class HealthReport(Shape, frozen=True, kw_only=True):
    """Whether gateway and chain answer."""

    ok: bool
    checks: list[CheckPart]


class StackUp(Shape, frozen=True, kw_only=True):
    """A chain, its contracts and a gateway that are running."""

    gateway: str
    rpc: str
    network: str
    accreditor_key: str


class GatewayServed(Shape, frozen=True, kw_only=True):
    """A gateway that is running."""

    gateway: str
    state: str


class GatewayKeysMade(Shape, frozen=True, kw_only=True):
    """A gateway's secret files, and the account that must have ether."""

    directory: str
    account: str
    files: list[str]
