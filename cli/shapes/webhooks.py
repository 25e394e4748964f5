"""Answers about webhooks of providers."""

from cli.shapes.base import Part, Shape


class LostPart(Part, frozen=True, kw_only=True):
    """An event that no receiver took in time, and the id of what it was about."""

    event: str
    type: str
    about: str
    time: int


class WebhookPart(Part, frozen=True, kw_only=True):
    """One receiver: new, healthy, failing or gone. Times in Unix milliseconds.

    ``waiting`` events are on their way, the next try is at ``next``; ``lost`` were given up. ``reason`` is
    why the last try failed, the last of ``failures`` in a row.
    """

    webhook: str
    url: str
    events: list[str]
    state: str
    created: int
    waiting: int
    failures: int
    lost: int
    succeeded: int | None = None
    failed: int | None = None
    reason: str | None = None
    next: int | None = None


class WebhookList(Shape, frozen=True, kw_only=True):
    """All webhooks of this provider."""

    webhooks: list[WebhookPart]


class WebhookShown(Shape, frozen=True, kw_only=True):
    """One webhook, and the events that were given up."""

    webhook: WebhookPart
    lost: list[LostPart]


class WebhookRemoved(Shape, frozen=True, kw_only=True):
    """A webhook that is told nothing more."""

    webhook: str


class WebhookTested(Shape, frozen=True, kw_only=True):
    """An event about nothing, and whether its receiver took it; ``reason`` is why it did not."""

    webhook: str
    event: str
    taken: bool
    reason: str | None = None
