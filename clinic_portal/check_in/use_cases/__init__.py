"""What people do when they arrive: one verb a module."""
