"""What the playground says about definitions and runs: pure functions from documents to sentences.

A definition in plain words (`explanation`), why a run stands still (`standstill`), how it was at
an instant (`history`), how two runs differ (`run_diff`), and what an expression reads in one of
them (`run_scope`). Nothing here reads a clock, a database or a network: facts come as arguments.
"""
