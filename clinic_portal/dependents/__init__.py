"""Dependents: who may act for whom, with which rights, until when.

Tables: relationship. No events.
"""
