"""First fit: put each part, in the order given, into the first bin with room for it."""

from pathlib import Path

PROGRAM = """def pack(sizes, capacity):
    rooms, bins = [], []
    for size in sizes:
        number = next((n for n, room in enumerate(rooms) if room >= size), len(rooms))
        if number == len(rooms):
            rooms.append(capacity)
        rooms[number] -= size
        bins.append(number)
    return bins
"""

Path("packing.py").write_text(PROGRAM)
