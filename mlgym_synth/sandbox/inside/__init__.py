"""What runs inside a sandbox: the supervisor, PID 1, which the owner drives over one channel.

These modules import nothing but each other and C modules of the standard library, so that the supervisor starts in
milliseconds and stays small. They are not installed in a sandbox: `boot.py` sends them as the channel's first
message. `wire.py` is the one that the owner uses too.
"""
