"""The house itself: its set-up, its rules, its documents."""
