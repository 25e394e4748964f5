"""Webhooks of providers: registering them, seeing how they do, trying them out.

What is sent, and how, is in `deliveries`; what may be called in `targets`.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ledger.errors import Conflict, InvalidInput, NotFound, TooLarge
from ledger.ids import Address, EventId, HookId, event_id, hook_id
from ledger.service import news
from ledger.service.gateway import Gateway
from ledger.service.news import Event
from ledger.service.targets import Resolve, addresses, parse_target, refused, resolve
from ledger.store.news import NewsRow
from ledger.store.webhooks import HookRow

MOST_HOOKS = 5
"""How many webhooks one provider has at most."""

LOOK_UP_SECONDS = 5
"""How long it may take to look up the name in a URL."""

_LOOKING_UP = ThreadPoolExecutor(4, thread_name_prefix="webhook-names")
"""Looking a name up cannot be ended, so it is done where it keeps nobody else waiting."""

KINDS = tuple(kind for kind in Event if kind is not Event.WEBHOOK_TEST)
"""What can be told to a webhook; each is, unless less is asked for."""


def register(
    gateway: Gateway, caller: Address, url: str, kinds: Sequence[str] = (), *, look_up: Resolve = resolve
) -> HookId:
    """Tell a provider's receiver of events from now on; the same URL again replaces what it is told of.

    Raises:
        InvalidInput: a URL that is not called (see `targets`), or no such kind of event.
        TooLarge: the provider has too many (``too_many_webhooks``).
    """
    wanted = _kinds(kinds)
    _require_public(gateway, url, look_up)
    lookup = gateway.look_up(caller)
    hook = hook_id(gateway.randomness(17))
    with gateway.db.write() as connection:
        known = gateway.stores.webhooks.of(connection, [lookup])
        for row in known:
            if row.sealed["url"] == url and row.gone is None:
                gateway.stores.webhooks.want(connection, row.hook, wanted)
                return HookId(row.hook)
        if len(known) >= MOST_HOOKS:
            raise TooLarge(
                f"at most {MOST_HOOKS} webhooks",
                reason="too_many_webhooks",
                fix="Remove one: consent webhook remove",
            )
        gateway.stores.webhooks.add(
            connection,
            hook=hook,
            lookup=lookup,
            kinds=wanted,
            created=gateway.now_ms(),
            sealed={"account": caller, "url": url},
        )
    return hook


def shown_to(gateway: Gateway, caller: Address) -> list[dict[str, Any]]:
    """A provider's webhooks, oldest first, and how they do."""
    with gateway.db.read() as connection:
        rows = gateway.stores.webhooks.of(connection, [gateway.look_up(caller)])
    return [_shown(gateway, row) for row in rows]


def shown_in_full(gateway: Gateway, caller: Address, hook: HookId) -> dict[str, Any]:
    """One of them, with the events that were given up.

    Raises:
        NotFound: the caller has no such webhook.
    """
    row = _own(gateway, caller, hook)
    with gateway.db.read() as connection:
        dead = gateway.stores.webhooks.dead(connection, hook)
    lost = [{"event": one.event, "type": one.kind, "about": one.about, "time": one.at} for one in dead]
    return {**_shown(gateway, row), "lost_events": lost}


def remove(gateway: Gateway, caller: Address, hook: HookId) -> None:
    """Tell a webhook nothing more, also of what has happened.

    Raises:
        NotFound: the caller has no such webhook.
    """
    _own(gateway, caller, hook)
    with gateway.db.write() as connection:
        gateway.stores.webhooks.remove(connection, hook)


def try_out(gateway: Gateway, caller: Address, hook: HookId) -> EventId:
    """Send a webhook an event about nothing; its id. How that went, the webhook shows.

    Raises:
        NotFound: the caller has no such webhook.
        Conflict: its receiver has said that it is gone (``webhook_gone``), or a test is on its way already.
    """
    row = _own(gateway, caller, hook)
    if row.gone is not None:
        raise Conflict(
            "the receiver said that it is gone", reason="webhook_gone", fix="Remove it and add it again."
        )
    told = NewsRow(
        event=event_id(gateway.randomness(17)),
        kind=Event.WEBHOOK_TEST,
        about=hook,
        at=gateway.now_ms(),
    )
    with gateway.db.write() as connection:
        if gateway.stores.webhooks.waits(connection, hook, Event.WEBHOOK_TEST):
            raise Conflict("a test is on its way already", reason="test_waiting", fix="See how it goes.")
        gateway.stores.webhooks.press(connection, hook, told.at)
        news.enqueue(gateway, connection, hook, told)
    return EventId(told.event)


def _require_public(gateway: Gateway, url: str, look_up: Resolve) -> None:
    target = parse_target(url, gateway.settings.webhook_allow)
    try:
        _LOOKING_UP.submit(addresses, target, look_up).result(LOOK_UP_SECONDS)
    except TimeoutError as exc:
        raise refused() from exc


def _kinds(kinds: Sequence[str]) -> list[str]:
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise InvalidInput(
            "no such kind of event", reason="unknown_event", fix=f"Use some of {', '.join(KINDS)}."
        )
    return [str(kind) for kind in KINDS if kind in (kinds or KINDS)] + [str(Event.WEBHOOK_TEST)]


def _own(gateway: Gateway, caller: Address, hook: HookId) -> HookRow:
    with gateway.db.read() as connection:
        row = gateway.stores.webhooks.get_of(connection, hook, lookup=gateway.look_up(caller))
    if row is None:
        raise NotFound("no such webhook of yours", reason="no_webhook", fix="See: consent webhook list")
    return row


def _shown(gateway: Gateway, row: HookRow) -> dict[str, Any]:
    with gateway.db.read() as connection:
        queue = gateway.stores.webhooks.queue(connection, row.hook)
    shown: dict[str, Any] = {
        "webhook": row.hook,
        "url": row.sealed["url"],
        "events": [kind for kind in row.kinds if kind != Event.WEBHOOK_TEST],
        "state": _state(row),
        "created": row.created,
        "waiting": queue.waiting,
        "failures": row.failures,
        "lost": queue.dead,
    }
    times = {"succeeded": row.succeeded, "failed": row.failed, "reason": row.reason}
    if queue.due is not None:
        times["next"] = max(queue.due, row.due)
    return shown | {name: value for name, value in times.items() if value is not None}


def _state(row: HookRow) -> str:
    """``new``, ``healthy``, ``failing`` or ``gone``."""
    if row.gone is not None:
        return "gone"
    if row.failures:
        return "failing"
    return "new" if row.succeeded is None else "healthy"
