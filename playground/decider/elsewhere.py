"""Task types that exist elsewhere and not here, and what to use in their place."""

_AS_WORKER = "Use a SIMPLE task with a worker of your own that does it."
_OVER_HTTP = "Use an HTTP task."
_INSTEAD: dict[str, str] = {
    "KAFKA_PUBLISH": "Use an EVENT task with the sink conductor:<name>, or an HTTP task.",
    "GRPC": _OVER_HTTP,
    "SENDGRID": _OVER_HTTP,
    "OPS_GENIE": _OVER_HTTP,
    **dict.fromkeys(
        (
            "JDBC",
            "SQL",
            "GET_DOCUMENT",
            "PARSE_DOCUMENT",
            "CHUNK_TEXT",
            "LIST_FILES",
            "LIST_MCP_TOOLS",
            "CALL_MCP_TOOL",
            "MCP_REMOTE",
            "GENERATE_IMAGE",
            "GENERATE_AUDIO",
            "GENERATE_VIDEO",
            "GENERATE_PDF",
            "AGENT",
            "GET_AGENT_CARD",
            "CANCEL_AGENT",
        ),
        _AS_WORKER,
    ),
}


def refusal_of(task_type: str) -> str:
    """Why a type cannot be used, with the alternative; empty for every other type."""
    instead = _AS_WORKER if task_type.startswith("LLM_") else _INSTEAD.get(task_type)
    if instead is None:
        return ""
    return f"Tasks of type {task_type} are not available in the playground. {instead}"
