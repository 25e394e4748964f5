"""Webhooks in plain words."""

from cli.shapes.webhooks import WebhookList, WebhookPart, WebhookShown, WebhookTested
from cli.times import in_words
from cli.views.text import counted, listed, plain

STATES = {
    "new": "nothing sent yet",
    "healthy": "works",
    "failing": "does not take what is sent",
    "gone": "said that it is gone, and hears nothing more",
}


def list_text(shape: WebhookList) -> str:
    """Each webhook, and how it does."""
    if not shape.webhooks:
        return "You have no webhooks. Add one: consent webhook add https://…"
    return "\n\n".join(map(webhook_text, shape.webhooks))


def shown_text(shape: WebhookShown) -> str:
    """One webhook, and what was given up."""
    lost = [
        f"  lost: {plain(event.type)} of {in_words(event.time)}: {plain(event.about)}" for event in shape.lost
    ]
    return "\n".join([webhook_text(shape.webhook), *lost])


def webhook_text(part: WebhookPart) -> str:
    """Where it is, how it does, and what it is told of."""
    lines = [
        plain(part.url),
        f"  state: {STATES.get(part.state, plain(part.state))}",
        f"  last success: {'never' if part.succeeded is None else in_words(part.succeeded)}",
    ]
    if part.failed is not None:
        why = f": {plain(part.reason)}, {counted(part.failures, 'time')} in a row" if part.reason else ""
        lines.append(f"  last failure: {in_words(part.failed)}{why}")
    if part.waiting:
        following = "" if part.next is None else f", next try {in_words(part.next)}"
        lines.append(f"  waiting: {counted(part.waiting, 'event')}{following}")
    if part.lost:
        see = f"consent webhook show {plain(part.webhook)}"
        lines.append(f"  lost: {counted(part.lost, 'event')}. See them: {see}")
    told = [f"  events: {listed(map(plain, part.events))}", f"  webhook: {plain(part.webhook)}"]
    return "\n".join(lines + told)


def tested_text(shape: WebhookTested) -> str:
    """Whether the receiver took it."""
    if shape.taken:
        return f"The receiver took it. Event {plain(shape.event)}."
    why = plain(shape.reason or "")
    return f"The receiver did not take it: {why}. Event {plain(shape.event)} is tried again."
