"""Findings about a project, a plan or an image."""
