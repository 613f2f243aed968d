"""What is done with practitioners beside their hours, which booking changes: one verb a module."""
