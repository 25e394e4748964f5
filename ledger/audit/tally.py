"""What the steps write into while an audit runs."""

from collections import Counter

from ledger.audit.report import Finding, Step, StepResult

KEPT = 1000
"""How many findings of one step are kept; the others are counted."""


class Tally:
    """Counts and findings by step."""

    def __init__(self) -> None:
        self._checked: Counter[Step] = Counter()
        self._could_not: dict[Step, Counter[str]] = {step: Counter() for step in Step}
        self._found: Counter[Step] = Counter()
        self._kept: dict[Step, list[Finding]] = {step: [] for step in Step}
        self._notes: list[str] = []

    def checked(self, step: Step, count: int = 1) -> None:
        """So many more things were checked."""
        self._checked[step] += count

    def could_not(self, step: Step, why: str, count: int = 1) -> None:
        """So many more things could not be checked, for this reason."""
        if count:
            self._could_not[step][why] += count

    def find(self, step: Step, index: int | None, *, expected: str, found: str, meaning: str) -> None:
        """Something is not as it must be."""
        self._found[step] += 1
        if len(self._kept[step]) < KEPT:
            self._kept[step].append(
                Finding(step=step, index=index, expected=expected, found=found, meaning=meaning)
            )

    def require(
        self, holds: bool, step: Step, index: int | None, *, expected: str, found: str, meaning: str
    ) -> bool:
        """`holds`; a finding unless it does."""
        if not holds:
            self.find(step, index, expected=expected, found=found, meaning=meaning)
        return holds

    def note(self, text: str) -> None:
        """Say something that is no failure."""
        self._notes.append(text)

    @property
    def results(self) -> tuple[StepResult, ...]:
        """All steps in order."""
        return tuple(
            StepResult(
                step=step,
                checked=self._checked[step],
                could_not=dict(self._could_not[step]),
                findings=self._found[step],
            )
            for step in Step
        )

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings that were kept, by step and in the order of the log."""
        return tuple(finding for step in Step for finding in self._kept[step])

    @property
    def notes(self) -> tuple[str, ...]:
        """What was said."""
        return tuple(self._notes)
