"""Soldiers for battlefields against an opponent whose code is there: `python fields.py` writes the best plan found.

Hill climbing: soldiers move from one field to another, and the share of battles won less lost against many draws of the
opponent decides; the last look is at draws that the climb has not seen.
"""

import random
from pathlib import Path

import numpy as np
from target import target_column_strategy as opponent

PROGRAM = "strategy.py"
FUNCTION = "row_strategy"
SOLDIERS = 120
FIELDS = 6
DRAWS = 4000
ROUNDS = 1500

random.seed(0)
seen, unseen = (np.array([opponent([]) for _ in range(DRAWS)]) for _ in range(2))


def worth(plan, against):
    won, lost = (np.array(plan) > against).sum(1), (np.array(plan) < against).sum(1)
    return float(np.sign(won - lost).mean())


def climb(plan):
    best = worth(plan, seen)
    for _ in range(ROUNDS):
        a, b = random.sample(range(FIELDS), 2)
        moved = random.randint(1, max(1, min(plan[a], 12)))
        if plan[a] < moved:
            continue
        other = list(plan)
        other[a], other[b] = plan[a] - moved, plan[b] + moved
        value = worth(other, seen)
        if value >= best:
            plan, best = other, value
    return plan


even = [SOLDIERS // FIELDS] * FIELDS
starts = [even, *([SOLDIERS // k] * k + [0] * (FIELDS - k) for k in range(FIELDS // 2 + 1, FIELDS))]
starts = [[start[0] + SOLDIERS - sum(start), *start[1:]] for start in starts]
plans = [climb(start) for start in starts]
plan = max(plans, key=lambda plan: worth(plan, seen))
Path(PROGRAM).write_text(f"""# The plan that did best against draws of the opponent.
def {FUNCTION}(history):
    return {plan}
""")
print(f"{plan}")
print(f"CV payoff: {worth(plan, unseen):.5f}")
