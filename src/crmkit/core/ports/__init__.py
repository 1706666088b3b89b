"""What the core needs from outside, as protocols: storage, plugins, the clock."""
