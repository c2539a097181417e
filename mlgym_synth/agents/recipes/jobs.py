"""What an order of jobs costs, each on the machine that is free first. Goes above `orders.py`."""

COST = "tardy"  # tardy: time after due; late: 1 if after due; ends: when it ends; both: and half the time before due
KEPT = 0


def prepare(jobs, setups, machines):
    return jobs, setups, machines


def cost(order, data):
    jobs, setups, machines = data
    free, last, total = [0] * machines, [-1] * machines, 0.0
    for number in order:
        duration, weight, due, release, family = jobs[number]
        machine = free.index(min(free))
        begin = free[machine] + (setups[last[machine]][family] if last[machine] >= 0 else 0)
        end = free[machine] = max(begin, release) + duration
        last[machine] = family
        if COST == "ends":
            total += weight * end
        elif end > due:
            total += weight * (1 if COST == "late" else end - due)
        elif COST == "both":
            total += weight * (due - end) / 2
    return total
