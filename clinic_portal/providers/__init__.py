"""The outside world behind Protocols: one folder a kind, one module a vendor, and an embedded default for each.

`sms` and `email` hand one message to a vendor. Adapters take plain values, raise `errors.ProviderError` and nothing
else, and let no SDK type out. The embedded default of both is the developer's inbox, a folder that `inbox` reads back.
"""
