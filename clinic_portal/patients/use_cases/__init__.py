"""What people do with patients."""
