"""Brake, and lean against the fall: it never swings all the way up from below."""

from pathlib import Path

PROGRAM = """import math


def act(observation, step):
    cosine, sine, speed = observation
    angle = math.atan2(sine, cosine)
    return max(-2.0, min(2.0, -4.0 * angle - 0.5 * speed))
"""

Path("policy.py").write_text(PROGRAM)
