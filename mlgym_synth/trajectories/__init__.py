"""Episodes as data: what one is, where they are kept, which of them to take, and the formats that trainers read."""

from mlgym_synth.trajectories.model import SCHEMA_VERSION, Fault, Said, Step, Trajectory, Usage, from_dict, to_dict

__all__ = ["SCHEMA_VERSION", "Fault", "Said", "Step", "Trajectory", "Usage", "from_dict", "to_dict"]
