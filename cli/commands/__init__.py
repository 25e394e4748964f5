"""The commands, one module per group: parse, one call, print."""
