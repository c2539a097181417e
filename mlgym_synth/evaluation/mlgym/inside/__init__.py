"""What runs in sandboxes beside MLGym's evaluators and agents' programs; standard library only, numpy where it is."""
