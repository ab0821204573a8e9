"""The development OpenID provider: a second party of its own, so that sign-in is the real thing.

It runs in its own process on its own port with keys it makes at each start, and lets anybody be
anybody: for development alone. Nothing of the playground is imported here but its settings, and
nobody else knows it from any other issuer.
"""
