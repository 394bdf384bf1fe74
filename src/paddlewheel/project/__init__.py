"""Folder to project: what the user wrote, parsed once into frozen values."""
