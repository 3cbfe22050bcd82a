"""HTTP as integrations speak it to other systems: how long a call may take, and what its failures mean."""

from datetime import timedelta
from ipaddress import ip_address

import httpx

TOTAL, CONNECT = timedelta(seconds=10), timedelta(seconds=3)
WHEN_MENDED = timedelta(seconds=60)
"""How long to wait where somebody has to do something first: a new token, a permission."""
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
"""Failures after which the request certainly had no effect."""


def retry_after(response: httpx.Response) -> timedelta | None:
    """Return how long an answer asks to wait, in seconds of its Retry-After."""
    try:
        return max(timedelta(seconds=float(response.headers["retry-after"])), timedelta(seconds=1))
    except (KeyError, ValueError, OverflowError):
        return None


def is_loopback(host: str) -> bool:
    """Return whether HOST is this machine, which a proxy can't reach."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def reason(failure: Exception) -> str:
    """Return what FAILURE says; many of httpx say nothing."""
    return str(failure) or type(failure).__name__
