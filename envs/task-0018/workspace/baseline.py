"""Take the most valuable crates first, as long as they fit."""

from pathlib import Path

PROGRAM = """def pack(values, weights, capacities):
    chosen, left = [], list(capacities)
    for item in sorted(range(len(values)), key=lambda i: -values[i]):
        if all(row[item] <= room for row, room in zip(weights, left)):
            chosen.append(item)
            left = [room - row[item] for row, room in zip(weights, left)]
    return chosen
"""

Path("loading.py").write_text(PROGRAM)
