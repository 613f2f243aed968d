"""What people do with their accounts: one verb a module."""
