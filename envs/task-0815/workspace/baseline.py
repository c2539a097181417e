from pathlib import Path

PROGRAM = '''def schedule(jobs, setups, machines):
    return sorted(range(len(jobs)), key=lambda number: jobs[number][0] / jobs[number][1])
'''

Path('schedule.py').write_text(PROGRAM)
