"""Images told and compared for people."""
