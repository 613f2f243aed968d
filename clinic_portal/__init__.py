"""The clinic portal: booking, front desk, waiting room and messages of a clinic that hosts itself.

Features are the packages beside this file; `docs/architecture.md` shows their tiers. `app.create_app` assembles them.
"""
