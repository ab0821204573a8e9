"""The verbs: load, ask the decider, save, hand over the work. Never runs a task's I/O."""
