"""A plan for a slippery grid: dynamic programming over the steps left, then hill climbing on the exact value."""

import numpy as np

STEPS = 100
POLISH = 2
MOVES = ((0, -1), (1, 0), (0, 1), (-1, 0))


def transitions(grid):
    """P[action, cell, next cell]; holes and the goal keep what falls into them."""
    rows, width = len(grid), len(grid[0])
    P = np.zeros((4, rows * width, rows * width))
    for cell in range(rows * width):
        row, column = divmod(cell, width)
        for action in range(4):
            if grid[row][column] in "HG":
                P[action, cell, cell] = 1
                continue
            for slip in (-1, 0, 1):
                down, right = MOVES[(action + slip) % 4]
                r, c = min(max(row + down, 0), rows - 1), min(max(column + right, 0), width - 1)
                P[action, cell, r * width + c] += 1 / 3
    return P


def chance(P, plan, goal, start):
    M = P[plan, np.arange(len(plan))]
    value = goal
    for _ in range(STEPS):
        value = M @ value
    return value[start]


def solve(grid):
    P, text = transitions(grid), "".join(grid)
    goal = np.array([letter == "G" for letter in text], float)
    start, value, plans = text.index("S"), goal, []
    for _ in range(3 * STEPS):
        Q = P @ value
        value = Q.max(0)
        plans.append(Q.argmax(0))
    # One fixed plan for all steps: the best of those for "few steps left" to "many", then cell by cell.
    tried = [(chance(P, plan, goal, start), k) for k, plan in enumerate(plans) if k % 10 == 9]
    best = plans[max(tried)[1]].copy()
    most = max(tried)[0]
    for _ in range(POLISH):
        for cell in range(len(text)):
            if text[cell] in "HG":
                continue
            for action in range(4):
                trial = best.copy()
                trial[cell] = action
                now = chance(P, trial, goal, start)
                if now > most + 1e-9:
                    best, most = trial, now
    return [int(action) for action in best]
