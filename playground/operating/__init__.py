"""For whoever operates the playground: metrics and readiness, on a port of their own.

Each process has its own (`PLAYGROUND_OPERATOR_PORT`); nothing of this is on the public port except
whether it is ready.
"""
