"""Commands beside the roles: access keys, the demo, the self-check."""
