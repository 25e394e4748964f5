"""Webhooks from the command line: adding, seeing, removing, trying them out."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cli.ids import expand
from cli.shapes.webhooks import (
    LostPart,
    WebhookList,
    WebhookPart,
    WebhookRemoved,
    WebhookShown,
    WebhookTested,
)

if TYPE_CHECKING:
    from ledger.client.opening import Desk
    from ledger.client.wire import Webhook, WebhookInFull
    from ledger.ids import HookId

SEE = "See them with: consent webhook list"
PATIENCE = 20.0
LOOK_SECONDS = 0.2


def added(desk: "Desk", url: str, events: Sequence[str]) -> WebhookShown:
    """Have a receiver told of events, of all if none are named."""
    return _shown(desk.gateway.add_webhook(url, events))


def listed(desk: "Desk") -> WebhookList:
    """All webhooks of this provider."""
    return WebhookList(webhooks=[_part(one) for one in desk.gateway.webhooks()])


def shown(desk: "Desk", text: str) -> WebhookShown:
    """One webhook by its id or the beginning of it."""
    return _shown(desk.gateway.webhook(_id(desk, text)))


def removed(desk: "Desk", text: str) -> WebhookRemoved:
    """Have a receiver told nothing more."""
    hook = _id(desk, text)
    desk.gateway.remove_webhook(hook)
    return WebhookRemoved(webhook=hook)


def tested(desk: "Desk", text: str) -> WebhookTested:
    """Have an event about nothing sent, and wait a while for what becomes of it."""
    hook = _id(desk, text)
    before = desk.gateway.webhook(hook)
    event = desk.gateway.test_webhook(hook).event
    deadline = time.monotonic() + PATIENCE
    while True:
        after = desk.gateway.webhook(hook)
        if after.succeeded != before.succeeded:
            return WebhookTested(webhook=hook, event=event, taken=True)
        if after.failed != before.failed or after.state == "gone" or time.monotonic() > deadline:
            reason = "gone" if after.state == "gone" else after.reason or "not_sent_yet"
            return WebhookTested(webhook=hook, event=event, taken=False, reason=reason)
        time.sleep(LOOK_SECONDS)


def _id(desk: "Desk", text: str) -> "HookId":
    from ledger.ids import parse_hook_id

    return parse_hook_id(expand(text, [one.webhook for one in desk.gateway.webhooks()], "webhook", SEE))


def _shown(one: "WebhookInFull") -> WebhookShown:
    lost = [
        LostPart(event=event.event, type=event.type, about=event.about, time=event.time)
        for event in one.lost_events
    ]
    return WebhookShown(webhook=_part(one), lost=lost)


def _part(one: "Webhook") -> WebhookPart:
    return WebhookPart(
        webhook=one.webhook,
        url=one.url,
        events=one.events,
        state=one.state,
        created=one.created,
        waiting=one.waiting,
        failures=one.failures,
        lost=one.lost,
        succeeded=one.succeeded,
        failed=one.failed,
        reason=one.reason or None,
        next=one.next,
    )
