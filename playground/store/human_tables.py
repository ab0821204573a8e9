"""Tables of human tasks and their forms. `tables.py` joins them to the others.

The HUMAN task's own row is the truth for the flow; here is what only people need: who is asked,
who has claimed it, until when. A row goes with its task.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text, desc, text

from tenants.tables import metadata

_NONE: Final = text("''")

human_tasks = Table(
    "human_tasks",
    metadata,
    Column("task_id", Text, ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True),
    Column("namespace", Text, nullable=False),
    Column("execution_id", Text, nullable=False),
    Column("ref", Text, nullable=False),
    Column("workflow_name", Text, nullable=False),
    Column("definition_name", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    # A HumanState of `playground.model.human_tasks`.
    Column("state", Text, nullable=False),
    # The HumanTaskDefinition as JSON, with the assignments as they are now.
    Column("definition", Text, nullable=False),
    # Which assignment's turn it is.
    Column("position", Integer, nullable=False),
    Column("assignee", Text),
    Column("assignee_type", Text),
    Column("claimant", Text),
    Column("claimant_type", Text),
    # When the assignment's time is up.
    Column("timer_at", BigInteger),
    # Counts changes: what one of them starts has an id that follows from it.
    Column("row_version", Integer, nullable=False),
    # The start time of the attempt this is about: a rerun keeps the task's id.
    Column("began_at", BigInteger, nullable=False),
    Column("created_on", BigInteger, nullable=False),
    Column("updated_on", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False, server_default=_NONE),
    Column("updated_by", Text, nullable=False, server_default=_NONE),
    Index("ix_human_tasks_newest", "namespace", desc("updated_on")),
    Index("ix_human_tasks_timer", "timer_at", postgresql_where=text("timer_at IS NOT NULL")),
)

human_templates = Table(
    "human_templates",
    metadata,
    Column("namespace", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Column("update_time", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False, server_default=_NONE),
    Column("updated_by", Text, nullable=False, server_default=_NONE),
)

_ALL: Final = "select, insert, update, delete"
HUMAN_TABLES: Final = (human_tasks, human_templates)
HUMAN_GRANTS: Final[dict[str, dict[str, str]]] = {
    "human_tasks": {
        "tenant": _ALL,
        "committer": _ALL,
        "claims": "select (task_id, namespace, timer_at)",
    },
    "human_templates": {"tenant": _ALL, "committer": _ALL},
}
