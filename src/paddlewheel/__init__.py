"""From a Python project to a slim, reproducible container image."""

__version__ = "0.1.0"
