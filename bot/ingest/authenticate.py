"""How a delivery proves where it comes from: bearer, basic, or an HMAC of its raw body. Closed by default.

A sender that signs the time along is believed for five minutes, so that nobody can play an old delivery again.
"""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

from bot.domain.errors import BadSignature
from bot.ports import Signed

WINDOW = timedelta(minutes=5)
"""How far the signed time may be from ours."""


@dataclass(frozen=True)
class Auth:
    """What a source has to present; `secret` None means that nothing can be accepted."""

    kind: Literal["bearer", "basic", "hmac", "none"]
    secret: str | None
    header: str
    """In lower case."""
    user: str | None = None
    prefix: str = "sha256="
    signed: Signed | None = None
    """For hmac: the sender signs id and time along."""


def authenticate(auth: Auth, headers: Mapping[str, str], body: bytes, at: datetime) -> None:
    """Raise BadSignature unless the delivery, which came AT, proves itself; HEADERS have names in lower case.

    Compares in constant time and never says what was wrong with a secret.
    """
    if auth.kind == "none":
        return
    if not auth.secret:
        raise BadSignature("this source has no secret configured, so nothing is accepted")
    if auth.signed is not None:
        _check_signed(auth.signed, auth.secret, headers, body, at)
        return
    given = headers.get(auth.header, "")
    checks = {"bearer": _bearer, "basic": _basic, "hmac": _hmac}
    if not checks[auth.kind](given, auth, auth.secret, body):
        raise BadSignature(f"bad or missing {auth.header} header")


def _bearer(given: str, _auth: Auth, secret: str, _body: bytes) -> bool:
    scheme, _, token = given.partition(" ")
    return scheme.lower() == "bearer" and _same(token.strip(), secret)


def _hmac(given: str, auth: Auth, secret: str, body: bytes) -> bool:
    wanted = hmac.new(secret.encode(), body, sha256).hexdigest()
    return given.startswith(auth.prefix) and _same(given.removeprefix(auth.prefix), wanted)


def _check_signed(signed: Signed, secret: str, headers: Mapping[str, str], body: bytes, at: datetime) -> None:
    number, moment = headers.get(signed.id, ""), headers.get(signed.timestamp, "")
    message = f"{number}.{moment}.".encode() + body
    wanted = "v1," + base64.b64encode(hmac.new(secret.encode(), message, sha256).digest()).decode()
    if not any(_same(given, wanted) for given in headers.get(signed.signature, "").split(" ")):
        raise BadSignature(f"bad or missing {signed.signature} header")
    age = abs(at.timestamp() - int(moment)) if moment.isascii() and moment.isdigit() else None
    if age is None or age > WINDOW.total_seconds():
        raise BadSignature(f"the time in {signed.timestamp} is not ours within 5 minutes: an old delivery, or a clock")


def _basic(given: str, auth: Auth, secret: str, _body: bytes) -> bool:
    scheme, _, encoded = given.partition(" ")
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:  # not Base64, not ASCII, or not UTF-8 inside
        return False
    known = auth.user is None or _same(user, auth.user)
    return scheme.lower() == "basic" and known and _same(password, secret)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
