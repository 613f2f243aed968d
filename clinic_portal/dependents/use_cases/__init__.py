"""What people do with those for whom they act: one verb a module."""
