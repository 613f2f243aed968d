"""What staff do with the queue and the screens: one verb a module."""
