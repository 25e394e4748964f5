"""Answers about what marks resources get."""

from cli.shapes.base import Part, Shape


class ReasonPart(Part, frozen=True, kw_only=True):
    """One reason for labels.

    ``kind`` is *said* (by the source), *code* or *word* (of the value sets: ``meaning`` and ``source`` are of
    the rule it met), *because* (the resource refers to ``cause``) or *part* (it is a part of ``cause``).
    """

    kind: str
    labels: list[str]
    path: str
    found: str | None = None
    system: str | None = None
    meaning: str | None = None
    source: str | None = None
    cause: str | None = None


class LabelledResource(Part, frozen=True, kw_only=True):
    """One resource of a file: class, confidentiality and why, labels and every reason for them."""

    name: str
    type: str
    title: str | None = None
    record_class: str
    class_code: str
    confidentiality: str
    confidential: str
    labels: list[str]
    reasons: list[ReasonPart]


class LabelledFile(Part, frozen=True, kw_only=True):
    """One file and its resources, in its order."""

    file: str
    sensitive: int
    resources: list[LabelledResource]


class LabelsShown(Shape, frozen=True, kw_only=True):
    """What marks the resources of files get, and why."""

    files: list[LabelledFile]


class MeasurePart(Part, frozen=True, kw_only=True):
    """How well a group of labels, or one label of it, is found; ``wrong`` names the resources at fault."""

    group: str
    label: str | None = None
    positives: int
    found: int
    near_misses: int
    wrongly_marked: int
    wrong: list[str]


class LabelsMeasured(Shape, frozen=True, kw_only=True):
    """The labelling, measured on the shipped set of resources."""

    resources: int
    measures: list[MeasurePart]
