"""One folder an integration; each imports only `bot.domain` and `bot.ports`, and is loaded by the configuration."""
