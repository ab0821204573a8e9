"""Plain typed values: what travels on the wire is what the engine computes with.

Optional properties are `UNSET` when absent, never `None`: an unset field is left out of the
JSON, as Conductor leaves nulls out, while empty maps, `0` and `false` are written.
"""
