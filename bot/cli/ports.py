"""Whether a port can be had, asked before anything else is touched: another bot may be at work on the same data."""

import errno
import socket

LAST = 65535
WORDS = {
    errno.EADDRINUSE: "is taken; does it run already?",
    errno.EACCES: "may not be used by this user",
    errno.EADDRNOTAVAIL: "cannot be used: that is no address of this machine",
}


def port_trouble(host: str, port: int) -> str | None:
    """Return why HOST and PORT cannot be listened on, None when they can."""
    if port > LAST:
        return f"there is no port {port}, the last one is {LAST}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as e:
        return f"port {port} of {host} {WORDS.get(e.errno or 0, f'cannot be used ({e})')}"
    return None
