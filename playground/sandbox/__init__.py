"""The confined evaluator of jq and JavaScript, and its client.

`server` is a process of its own, exec'ed with an empty environment; `client` is what the other
roles use. Nothing is imported here, so that the server's process stays free of everything that
it does not need.
"""
