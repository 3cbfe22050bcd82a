"""Which version of the program this is, as installed."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("bellwether-bot")
except PackageNotFoundError:  # run from a tree that was never installed
    VERSION = "0"
