"""Accounts: sign-in, roles, sessions that can be ended, codes that confirm an e-mail address or a phone.

Tables: account, account_session, one_time_code, guess_throttle. Events: AccountConfirmed, CodeIssued, RegistrationRepeated.
"""
