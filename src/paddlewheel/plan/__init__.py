"""Project and lock to plan: named stages and steps, pure data."""
