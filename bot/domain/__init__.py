"""Facts, names and rules: standard library only, so that every rule can be read and tested by itself."""
