"""The engine without a daemon: wheels, Debian packages and app files become layers in this process."""
