"""Chat models behind OpenAI-compatible endpoints: one client for the authors of tasks and the agents that play."""
