"""Reference: pump energy until there is enough to reach the top, then hold with a linear controller."""

from pathlib import Path

PROGRAM = """import math

GRAVITY, MASS, LENGTH = 9.81, 1.3, 0.9


def act(observation, step):
    cosine, sine, speed = observation
    angle = math.atan2(sine, cosine)
    if abs(angle) < 0.35 and abs(speed) < 2.5:
        torque = -14.0 * angle - 3.2 * speed
    else:
        energy = MASS * LENGTH**2 * speed**2 / 6.0 + MASS * GRAVITY * LENGTH / 2.0 * (cosine - 1.0)
        torque = -2.0 * math.copysign(1.0, speed) * (1.0 if energy > 0.25 else -1.0)
    return max(-2.0, min(2.0, torque))
"""

Path("policy.py").write_text(PROGRAM)
