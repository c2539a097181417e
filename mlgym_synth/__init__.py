"""Verified machine-learning research tasks as Gymnasium environments in sandboxes."""
