"""OCI values and the places that images live in. Knows nothing of Python."""
