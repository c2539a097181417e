"""Pages for people: static HTML files that need no network and no server."""
