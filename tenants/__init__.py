"""Who is calling: users, namespaces, sessions, keys, tokens, scopes, quotas and rate limits.

The ground floor: every table of the engine joins `tenants.tables.metadata`, and nothing here
imports `playground`.
"""
