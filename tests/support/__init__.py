"""Helpers that tests of several areas share: wheels built in code, servers on loopback."""
