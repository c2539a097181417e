"""Reference: value iteration on the slippery dynamics."""

from pathlib import Path

PROGRAM = """import numpy as np

MOVES = ((0, -1), (1, 0), (0, 1), (-1, 0))


def plan(grid):
    size = len(grid)
    reach = np.empty((4, size * size), dtype=int)
    for cell in range(size * size):
        row, column = divmod(cell, size)
        for action, (down, right) in enumerate(MOVES):
            to_row, to_column = min(max(row + down, 0), size - 1), min(max(column + right, 0), size - 1)
            reach[action, cell] = to_row * size + to_column
    letters = np.array(list("".join(grid)))
    goal, open_cells = letters == "G", (letters != "G") & (letters != "H")
    value = goal.astype(float)
    for _ in range(300):
        step = np.stack([sum(value[reach[(a + s) % 4]] for s in (-1, 0, 1)) / 3 for a in range(4)])
        value = np.where(open_cells, 0.9999 * step.max(axis=0), goal)
    return step.argmax(axis=0).tolist()
"""

Path("plan.py").write_text(PROGRAM)
