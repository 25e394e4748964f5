"""Contracts, gateways and their health."""

from shlex import quote

from cli.shapes.stack import ArtifactPart, GatewayKeysMade, HealthReport, StackUp
from cli.views.text import table


def artifacts_text(artifacts: list[ArtifactPart]) -> str:
    """Contracts and whether they are what is committed."""
    rows = [
        (part.name, f"{part.bytes} bytes", "as committed" if part.same_as_committed else "differs")
        for part in artifacts
    ]
    return table(rows)


def health_text(report: HealthReport) -> str:
    """What answers and what does not."""
    verdict = "All is well." if report.ok else "Something does not answer."
    rows = [("ok" if check.ok else "NO", check.name, check.detail) for check in report.checks]
    return f"{verdict}\n{table(rows, indent='  ')}"


def stack_text(stack: StackUp, *, found: bool) -> str:
    """Where everything is, and how to go on; `found`: new profiles find this network by themselves."""
    rows = [
        ("gateway", stack.gateway),
        ("chain", stack.rpc),
        ("network file", stack.network),
        ("accreditor key", stack.accreditor_key),
    ]
    network = "" if found else f" --network {quote(stack.network)}"
    hints = [f"In another terminal: consent --profile alice identity create{network}"]
    if not found:
        hints += [
            f"To admit somebody: consent config set network {quote(stack.network)}",
            f"  and then: consent participant admit FILE --key {quote(stack.accreditor_key)}",
        ]
    return "\n".join([table(rows), "", *hints, "Stop with Ctrl-C."])


def gateway_keys_text(made: GatewayKeysMade) -> str:
    """The account and the files."""
    lines = [f"Account (needs ether, and the role of a gateway): {made.account}", "Secret files:"]
    return "\n".join([*lines, *(f"  {name}" for name in made.files)])
