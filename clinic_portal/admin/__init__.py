"""Administration: settings and health. A front door that owns no rules; calls the use cases of the features below."""
