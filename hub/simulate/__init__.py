"""Simulation: stacks run in a hub of their own that is thrown away, under a clock that jumps."""
