"""Documents, decisions and previews from files; and the lists of codes."""

from collections.abc import Sequence

from cli.shapes.policy import (
    CodePart,
    CodesListed,
    ConsentPreviewed,
    DocumentPart,
    DocumentsValidated,
    JudgedPart,
    PolicyEvaluated,
    ProfilePart,
    RefusalPart,
)
from cli.views.consents import effects_text
from cli.views.text import counted, listed, plain, quoted, table

_NO_CONSENT = "no consent is about it"


def validated_text(shape: DocumentsValidated) -> str:
    """Each document with its verdict first."""
    return "\n\n".join(_document_text(one, shape.chain_id) for one in shape.documents)


def _document_text(one: DocumentPart, chain_id: int | None) -> str:
    if one.error is not None:
        return "\n".join(
            [f"{plain(one.file)}: REFUSED", *_refusal_lines(one.error), *_profile_lines(one.profiles)]
        )
    lines = [f"{plain(one.file)}: accepted", *_profile_lines(one.profiles)]
    if one.unfilable is not None:
        lines += [
            f"  cannot be filed on chain {chain_id}:",
            *(f"  {line}" for line in _refusal_lines(one.unfilable)),
        ]
    elif one.filable:
        lines.append(f"  can be filed on chain {chain_id}")
    lines += [f"  careful: {doubt.path}: {doubt.why}" for doubt in one.doubts]
    if one.statement is not None:
        lines += ["", quoted(one.statement)]
    return "\n".join(lines)


def _refusal_lines(refusal: RefusalPart) -> list[str]:
    lines = [f"  {plain(refusal.message)}"]
    if refusal.fix:
        lines.append(f"  next:  {plain(refusal.fix)}")
    return [*lines, f"  code:  {refusal.code} ({refusal.reason})"]


def _profile_lines(profiles: Sequence[ProfilePart]) -> list[str]:
    """The profiles that are met on one line; below it each deviation, with the profiles that it is from."""
    if not profiles:
        return []
    found: dict[tuple[str, str], list[str]] = {}
    for one in profiles:
        for mark in one.deviations:
            found.setdefault((mark.path, mark.why), []).append(one.name)
    met = [one.name for one in profiles if one.met]
    return [
        f"  PCF profiles: {listed(met, 'none')}",
        *(
            f"    not {'any' if len(names) == len(profiles) else ' or '.join(names)}: {path}: {plain(why)}"
            for (path, why), names in found.items()
        ),
    ]


def evaluated_text(shape: PolicyEvaluated, *, explain: bool) -> str:
    """The outcome, the request, each record on a line, duties, and with `explain` how it came about."""
    permitted = sum(one.outcome == "PERMIT" for one in shape.records)
    purposes = " and ".join(shape.purposes)
    lines = [
        f"{shape.outcome}: {permitted} of {counted(len(shape.records), 'record')} may be opened.",
        f"{plain(shape.subject)} asks to {shape.action} for {purposes}, at {shape.at}.",
        "",
        _records_table(shape.records),
    ]
    if shape.obligations:
        lines += ["", "Duties"]
        lines += [
            f"  {duty.id}: {duty.text} ({listed(map(plain, duty.records))})" for duty in shape.obligations
        ]
    if explain:
        for one in shape.records:
            lines += ["", plain(one.record.id), *(f"  {plain(line)}" for line in one.words)]
    return "\n".join(lines)


def _records_table(records: Sequence[JudgedPart]) -> str:
    rows = [
        (
            plain(one.record.id),
            one.outcome,
            plain(listed(one.basis, _reason(one))),
            plain(one.record.record_class),
            plain(" ".join([one.record.confidentiality or "?", *one.record.labels])),
            plain(one.record.date or ""),
            plain(_holds(one.record.resources)),
        )
        for one in records
    ]
    return table([("RECORD", "OUTCOME", "BY", "CLASS", "MARKS", "DATE", "HOLDS"), *rows])


def _reason(one: JudgedPart) -> str:
    if one.reason is None:
        return _NO_CONSENT
    return one.words[0].partition(": ")[2].rstrip(".")


def _holds(resources: Sequence[str]) -> str:
    more = f" and {len(resources) - 1} more" if len(resources) > 1 else ""
    return f"{resources[0]}{more}" if resources else ""


def previewed_text(
    shape: ConsentPreviewed, *, people: Sequence[str], permits: bool, adds: bool, excepted: frozenset[str]
) -> str:
    """What the patient would sign, and who could see what; as `consent grant --dry-run` shows it."""
    over = "\nCareful: the time of this choice is over. It changes nothing." if shape.over else ""
    effects = effects_text(
        shape.effects, shape.records, people=people, permits=permits, adds=adds, excepted=excepted
    )
    return f"{quoted(shape.statement)}\n\n{effects}{over}"


def codes_text(shape: CodesListed) -> str:
    """The lists, each as a tree in its order; a code whose upper ones are not shown stands at the left."""
    if not shape.codes:
        return "No code has that."
    lists = dict.fromkeys(part.list for part in shape.codes)
    return "\n\n".join(_list_text([part for part in shape.codes if part.list == name]) for name in lists)


def _list_text(parts: Sequence[CodePart]) -> str:
    shown = {part.code for part in parts}
    rows = [
        ("  " * sum(code in shown for code in part.above) + part.code, part.word or "", part.words)
        for part in parts
    ]
    columns = rows if any(row[1] for row in rows) else [(row[0], row[2]) for row in rows]
    systems = listed(dict.fromkeys(part.system for part in parts))
    return f"{parts[0].list} ({systems})\n{table(columns, indent='  ')}"
