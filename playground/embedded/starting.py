"""What to say when a service does not start."""

from playground.children import Child
from playground.settings import Unusable

START_SECONDS = 60.0


def refuse_ended(child: Child) -> None:
    if not child.running:
        raise Unusable(f"{child.program.name} ended while it was started: {said(child)}")


def said(child: Child) -> str:
    """The line that most likely names the reason."""
    telling = [line for line in child.last_lines if "FATAL" in line or "error" in line.lower()]
    return (telling or list(child.last_lines) or ["it said nothing"])[-1]
