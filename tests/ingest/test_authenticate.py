"""Who may deliver: closed by default, compared in constant time, nothing of a secret in what is said."""

import base64
import hmac
from hashlib import sha256
from typing import Any

import pytest

from bot.domain.errors import BadSignature
from bot.ingest.authenticate import Auth, authenticate

BEARER = Auth("bearer", "s3cret", "authorization")
BASIC = Auth("basic", "s3cret", "authorization", user="am")
HMAC = Auth("hmac", "s3cret", "x-hub-signature-256")
BODY = b'{"kind": "deployment"}'


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def signed(body: bytes, secret: str = "s3cret") -> str:
    return "sha256=" + hmac.new(secret.encode(), body, sha256).hexdigest()


@pytest.mark.parametrize(
    ("auth", "value"),
    [
        (BEARER, "Bearer s3cret"),
        (BEARER, "bearer  s3cret"),
        (BASIC, basic("am", "s3cret")),
        (Auth("basic", "s3:cret", "authorization"), basic("anybody", "s3:cret")),
        (HMAC, signed(BODY)),
        (Auth("hmac", "s3cret", "x-sig", prefix=""), signed(BODY).removeprefix("sha256=")),
        (Auth("bearer", "schlüssel", "authorization"), "Bearer schlüssel"),
    ],
)
def test_who_knows_the_secret_may_deliver(auth: Auth, value: str) -> None:
    authenticate(auth, {auth.header: value}, BODY)


@pytest.mark.parametrize(
    ("auth", "value"),
    [
        (BEARER, ""),
        (BEARER, "s3cret"),
        (BEARER, "Bearer s3cre"),
        (BEARER, "Bearer s3cret2"),
        (BEARER, "Basic s3cret"),
        (BEARER, "Bearer é"),
        (BASIC, basic("am", "wrong")),
        (BASIC, basic("eve", "s3cret")),
        (BASIC, "Basic not-base64!"),
        (BASIC, "Basic é"),
        (BASIC, "Basic /w=="),
        (BASIC, "Bearer " + basic("am", "s3cret").removeprefix("Basic ")),
        (HMAC, ""),
        (HMAC, signed(BODY, "wrong")),
        (HMAC, signed(BODY + b" ")),
        (HMAC, signed(BODY).removeprefix("sha256=")),
    ],
)
def test_who_does_not_may_not(auth: Auth, value: str) -> None:
    with pytest.raises(BadSignature) as refused:
        authenticate(auth, {auth.header: value} if value else {}, BODY)

    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("kind", ["bearer", "basic", "hmac"])
@pytest.mark.parametrize("secret", [None, ""])
def test_without_a_secret_nothing_is_accepted(kind: Any, secret: str | None) -> None:
    auth = Auth(kind, secret, "authorization")
    empty = {"bearer": "Bearer ", "basic": basic("", ""), "hmac": signed(BODY, "")}

    with pytest.raises(BadSignature, match="no secret configured"):
        authenticate(auth, {"authorization": empty[kind]}, BODY)


def test_an_open_source_takes_everything() -> None:
    authenticate(Auth("none", None, ""), {}, BODY)
