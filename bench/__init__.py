"""Measures the portal, each number beside a baseline in the same interleaved run: `python -m bench` (see README.md)."""
