"""Rows: executions, tasks, definitions, and who may claim them. Saves what it is told."""
