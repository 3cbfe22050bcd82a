"""What the subcommands do; `bot.__main__` declares them and imports these modules only when one runs."""
