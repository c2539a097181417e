"""Palmer's slope index (1965): jobs first whose times grow along the line."""

from pathlib import Path

PROGRAM = """def schedule(times):
    machines = len(times[0])

    def slope(job):
        return sum((2 * k - machines + 1) * time for k, time in enumerate(times[job]))

    return sorted(range(len(times)), key=slope, reverse=True)
"""

Path("schedule.py").write_text(PROGRAM)
