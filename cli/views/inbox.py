"""An inbox in plain words."""

from cli.shapes.consents import PersonPart
from cli.shapes.inbox import InboxPart, InboxShown
from cli.times import in_words
from cli.views.people import person_text
from cli.views.text import counted, indented, listed, plain

TO_PATIENTS = {
    "request.open": "{who} asks for your records. Answer by {by}.",
    "request.withdrawn": "{who} no longer asks for your records.",
    "request.expired": "{who} asked for your records. The time to answer is over.",
    "consent.ending": "Your choice about {who} ends on {by}.",
    "consent.granted": "You signed a choice about {who}.",
    "consent.revoked": "Your choice about {who} was stopped.",
    "consent.expired": "Your choice about {who} came to its end.",
    "emergency.unreviewed": "{who} stated an emergency. Say by {by} if that was right.",
    "emergency.overdue": "{who} stated an emergency. You have not said yet if that was right.",
    "emergency.reviewed": "{who} stated an emergency. Someone has checked it.",
}
TO_PROVIDERS = {
    "request.open": "{who} has not answered you yet. They can until {by}.",
    "request.approved": "{who} said yes to you.",
    "request.declined": "{who} said no to you.",
    "request.withdrawn": "You took back what you asked {who}.",
    "request.expired": "{who} did not answer you in time.",
    "consent.ending": "What {who} shares with you ends on {by}.",
    "consent.granted": "{who} signed a choice that names you.",
    "consent.revoked": "{who} stopped a choice that names you.",
    "consent.expired": "A choice of {who} that names you came to its end.",
    "emergency.unreviewed": "Nobody has checked your emergency with {who} yet.",
    "emergency.overdue": "Nobody has checked your emergency with {who} in time.",
    "emergency.reviewed": "Someone checked your emergency with {who}.",
}
GO_ON = "{who} asks to go on seeing your records. Answer by {by}."
SHOW = {"request": "consent request show", "consent": "consent show", "emergency": "consent emergency show"}


def inbox_text(shape: InboxShown) -> str:
    """First how much waits for an answer; then what is under way, and what happened."""
    waiting = counted(shape.answer, "thing waits", "things wait")
    parts = [f"{waiting} for your answer." if shape.answer else "Nothing waits for your answer."]
    for does, title in (("answer", ""), ("open", "Under way:"), ("news", "What happened:")):
        lines = [_line(item, shape.role) for item in shape.items if item.does == does]
        if lines:
            parts.append("\n".join([*([title] if title else []), *map(indented, lines)]))
    return "\n\n".join(parts)


def _line(item: InboxPart, role: str) -> str:
    when = f"{in_words(item.at)}: " if item.does == "news" else ""
    sort = item.kind.partition(".")[0]
    see = f"{SHOW[sort]} {plain(item.about)}" if sort in SHOW else plain(item.about)
    lines = [f"{when}{_sentence(item, role)}", f"  See it: {see}"]
    if item.kind == "consent.ending" and role == "provider":
        lines.append(f"  Ask to go on: consent request renew {plain(item.about)} --until 90d")
    return "\n".join(lines)


def _sentence(item: InboxPart, role: str) -> str:
    words = TO_PATIENTS if role == "patient" else TO_PROVIDERS
    form = words.get(item.kind)
    if form is None:
        return plain(item.kind)
    if item.renews and item.kind == "request.open" and role == "patient":
        form = GO_ON
    by = "" if item.by is None else in_words(item.by)
    return form.format(who=_who(item, role), by=by)


def _who(item: InboxPart, role: str) -> str:
    people: list[PersonPart] = item.providers
    if role == "provider":
        people = [] if item.patient is None else [item.patient]
    return listed(map(person_text, people), "somebody")
