"""What an administrator changes about places and services."""
