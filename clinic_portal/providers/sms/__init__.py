"""Short messages: the developer's inbox (embedded default) and Amazon SNS."""
