"""Tests talk to this machine only: a connection to anywhere else fails at once, and says so."""

import logging
import socket
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import pytest

pytest_plugins = ["tests.databases"]


@pytest.fixture(autouse=True, scope="session")
def only_loopback() -> Iterator[None]:
    """Close every socket but loopback; name look-ups of other hosts, which come first, too."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _checked(getattr(socket.socket, name)))
        patch.setattr(socket, "getaddrinfo", _checked_lookup(socket.getaddrinfo))
        yield


@pytest.fixture(autouse=True)
def log_of_its_own() -> Iterator[None]:
    """Take back what a test of the command line did to the log: its stream is closed afterwards."""
    loggers = [logging.getLogger(name) for name in (None, "bot", "integrations")]
    levels, handlers = [logger.level for logger in loggers], loggers[0].handlers[:]
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
    for handler in set(loggers[0].handlers) - set(handlers):
        loggers[0].removeHandler(handler)


def _checked(connect: Any) -> Any:
    def checked(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _refuse_outside(address[0])
        return connect(self, address)

    return checked


def _checked_lookup(getaddrinfo: Any) -> Any:
    def checked(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host:
            _refuse_outside(host)
        return getaddrinfo(host, *args, **kwargs)

    return checked


def _refuse_outside(host: str | bytes) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    try:
        inside = ip_address(name).is_loopback or ip_address(name).is_unspecified
    except ValueError:
        inside = name == "localhost"
    if not inside:
        raise ConnectionRefusedError(f"a test tried to reach {name}; tests have loopback only")
