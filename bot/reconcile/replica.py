"""The name of this replica. No two that live have the same one; one that is started again in its place has.

So what a process left behind when it was killed is its successor's at once, without waiting for a lease to run out.
What makes sure that the predecessor is gone is a socket that only one process can hold: the kernel closes it with
its process, however that ends.
"""

import secrets
import socket
import sys
from hashlib import sha256
from pathlib import Path

BOOT, NETWORK = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/net")


class Replica:
    """Our name, `<host>:<port>-<mark>`. Keep it until the end, then `close` it."""

    def __init__(self, host: str, port: int) -> None:
        """`host` and `port` are where we listen; port 0 is nobody's place."""
        self._guard = socket.socket(socket.AF_UNIX)
        mark = secrets.token_hex(4)
        if port and sys.platform == "linux":
            mark = self._mark_of_place(f"{host}:{port}") or mark
        self.name = f"{socket.gethostname()}:{port}-{mark}"

    def close(self) -> None:
        """Leave the place to a successor."""
        self._guard.close()

    def _mark_of_place(self, address: str) -> str | None:
        """Return what is the same for whoever comes after us, and for nobody else; None when we are not alone here."""
        try:
            self._guard.bind(f"\0bellwether/{address}")  # abstract: nothing on a disk, gone with the process
            place = f"{BOOT.read_text()} {NETWORK.stat().st_ino} {address}"
        except OSError:
            return None
        return sha256(place.encode()).hexdigest()[:8]
