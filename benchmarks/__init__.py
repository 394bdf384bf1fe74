"""The measurements behind benchmarks/README.md: `make bench`."""
