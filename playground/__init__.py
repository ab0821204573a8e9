"""Playground: a multi-tenant, Conductor-compatible workflow service."""

__version__ = "0.1.0"
