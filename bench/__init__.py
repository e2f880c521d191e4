"""Benchmarks that anyone can run again: `python -m bench NAME [--json]`.

Every figure that counts is a ratio to something else measured in the same run, as the median of interleaved rounds.
"""
