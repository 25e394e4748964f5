"""Answers about networks and their nodes."""

from typing import Literal

from cli.shapes.base import Part, Shape


class NodeFinding(Part, frozen=True, kw_only=True):
    """One thing that a node was asked: what was found, what it means, and what to do about it."""

    name: str
    verdict: Literal["ok", "weak", "unfit"]
    found: str
    means: str
    fix: str = ""


class NodeExamined(Part, frozen=True, kw_only=True):
    """A node, with the part of its address that holds no secret. `fit`: no finding is "unfit"."""

    node: str
    fit: bool
    findings: list[NodeFinding]


class NetworkChecked(Shape, frozen=True, kw_only=True):
    """Whether nodes are good enough. `ok`: all are fit, and they agree."""

    ok: bool
    nodes: list[NodeExamined]
    agreement: NodeFinding | None = None


class NetworkKnown(Part, frozen=True, kw_only=True):
    """A network that has a name here, and its limits; times in seconds."""

    name: str
    chain_id: int
    settles: Literal["seen", "final"]
    block_seconds: int
    final_behind: int
    head_age: int
    largest_range: int


class NetworksListed(Shape, frozen=True, kw_only=True):
    """The networks that have a name here."""

    networks: list[NetworkKnown]
