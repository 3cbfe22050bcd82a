"""One folder an integration; each imports only `bot.domain` and `bot.ports`, and is loaded by the configuration.

What those share that call others is `calling`, what deployers share `deploying`; they know none of them.
"""
