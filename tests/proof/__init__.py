"""Proofs on real projects: the examples, applications of others, popular wheels."""
