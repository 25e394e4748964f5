"""How the demo ends."""

from cli.shapes.demo import DemoReport
from cli.views.text import counted


def ending(report: DemoReport) -> str:
    """The verdict, and how much was shown."""
    if report.failure is not None:
        return f"\nThe demo ends here: {report.failure}"
    facts, commands = counted(report.facts, "fact"), counted(report.commands, "command")
    return f"\nAll of it holds: {facts} over {commands} in {report.seconds:.0f} s. Nothing is left running."
