"""What a task must pass before it is registered; `verify` and synthesis both call these."""

from mlgym_synth.gates.index import write_index
from mlgym_synth.gates.many import verify_many
from mlgym_synth.gates.record import record
from mlgym_synth.gates.verify import GateResult, Verdict, verify

__all__ = ["GateResult", "Verdict", "record", "verify", "verify_many", "write_index"]
