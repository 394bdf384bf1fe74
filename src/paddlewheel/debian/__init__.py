"""Debian archives: mirrors, signatures, dependency closure, .deb files; from them a base file system."""
