"""Tests; the packages mirror the code."""
