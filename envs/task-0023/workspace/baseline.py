"""Mind the ice for one step: the move with the fewest holes among its outcomes, then the one nearer the goal."""

from pathlib import Path

PROGRAM = """MOVES = ((0, -1), (1, 0), (0, 1), (-1, 0))


def outcome(grid, cell, action):
    size = len(grid)
    down, right = MOVES[action % 4]
    return min(max(cell[0] + down, 0), size - 1), min(max(cell[1] + right, 0), size - 1)


def plan(grid):
    size = len(grid)
    moves = []
    for cell in (divmod(number, size) for number in range(size * size)):
        costs = []
        for action in range(4):
            cells = [outcome(grid, cell, action + slip) for slip in (-1, 0, 1)]
            holes = sum(grid[row][column] == "H" for row, column in cells)
            way = sum(2 * size - 2 - row - column for row, column in cells)
            costs.append((holes, way))
        moves.append(costs.index(min(costs)))
    return moves
"""

Path("plan.py").write_text(PROGRAM)
