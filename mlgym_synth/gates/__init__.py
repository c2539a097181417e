"""What a task must pass before it is registered; `verify` and synthesis both call these."""
