"""Notifications: the outbox. A message is a row written with the change that it tells of, delivered by a worker.

Tables: message. Message kinds and where their facts come from: `wiring.py`. Texts: `templates/messages/<kind>/`.
"""
