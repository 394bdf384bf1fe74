"""Project to lock: every Python package and every Debian package of the image, by hash."""
