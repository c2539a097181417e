"""Where agents run: one contract, two backends (`docker`, `bwrap`), one supervisor inside."""
