"""What an agent can do: tools with a name, a JSON schema and a run; no tool knows scores."""
