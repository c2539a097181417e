"""How submissions become scores: metrics, the judge of predictions, the referee of programs, the reward."""
