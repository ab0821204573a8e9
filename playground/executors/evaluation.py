"""What the executors that evaluate code have in common."""

from playground.model.errors import Unavailable
from playground.sandbox.client import Evaluation


def unavailable(evaluation: Evaluation) -> Unavailable:
    """For an evaluation that may well succeed in a moment."""
    return Unavailable(evaluation.message)


def script_error(evaluation: Evaluation) -> str:
    """The text of a script's failure as Conductor words it; our limits in their own words."""
    if evaluation.outcome == "TIMEOUT":
        return "Script not evaluated within 2 seconds, interrupted."
    if evaluation.outcome != "ERROR":
        return f"Error evaluating the script: {evaluation.message}"
    line = evaluation.value
    where = f" at line {line}" if isinstance(line, int) else ""
    return f"Error evaluating the script `{evaluation.message}`{where}"
