"""The sums of what tests say that they did, at the end of a run.

A test that calls `record_property("requests sent", 12)` adds twelve to a line of that name.
"""

from collections import Counter

import pytest

COUNTED = ("requests sent",)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each thing that was counted."""
    sums: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "call":
                sums.update({n: v for n, v in report.user_properties if n in COUNTED})
    for name, amount in sorted(sums.items()):
        terminalreporter.write_line(f"{name}: {amount:,}")
