"""What can be done with appointments, one verb a module."""
