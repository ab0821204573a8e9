"""RQ functions and the loops beside them: doorbell, drain, clock."""
