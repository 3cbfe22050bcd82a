"""One folder an integration; each imports only `bot.domain` and `bot.ports`, and is loaded by the configuration.

What deployers share is `deploying`; it knows none of them.
"""
