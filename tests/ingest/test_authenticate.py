"""Who may deliver: closed by default, compared in constant time, nothing of a secret in what is said."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import integrations.mlflow
from bot.domain.errors import BadSignature
from bot.ingest.authenticate import Auth, authenticate

BEARER = Auth("bearer", "s3cret", "authorization")
BASIC = Auth("basic", "s3cret", "authorization", user="am")
HMAC = Auth("hmac", "s3cret", "x-hub-signature-256")
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
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
    authenticate(auth, {auth.header: value}, BODY, NOW)


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
        authenticate(auth, {auth.header: value} if value else {}, BODY, NOW)

    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("kind", ["bearer", "basic", "hmac"])
@pytest.mark.parametrize("secret", [None, ""])
def test_without_a_secret_nothing_is_accepted(kind: Any, secret: str | None) -> None:
    auth = Auth(kind, secret, "authorization")
    empty = {"bearer": "Bearer ", "basic": basic("", ""), "hmac": signed(BODY, "")}

    with pytest.raises(BadSignature, match="no secret configured"):
        authenticate(auth, {"authorization": empty[kind]}, BODY, NOW)


def test_an_open_source_takes_everything() -> None:
    authenticate(Auth("none", None, ""), {}, BODY, NOW)


CAPTURE = json.loads(
    (Path(integrations.mlflow.__file__).parent / "examples/webhook_model_version_created_v1.json").read_text()
)
MLFLOW = Auth("hmac", CAPTURE["_capture"]["secret"], "", signed=integrations.mlflow.SOURCE.signed)
SENT = {name.lower(): value for name, value in CAPTURE["request"]["headers"].items()}
SENT_AT = datetime.fromtimestamp(int(SENT["x-mlflow-timestamp"]), UTC)


@pytest.mark.parametrize("late", [-290, 0, 290])
def test_what_mlflow_signed_is_believed_for_five_minutes(late: int) -> None:
    authenticate(MLFLOW, SENT, CAPTURE["raw"].encode(), SENT_AT + timedelta(seconds=late))


def test_one_of_several_signatures_is_enough() -> None:
    both = SENT | {"x-mlflow-signature": f"v1,b2xk {SENT['x-mlflow-signature']}"}

    authenticate(MLFLOW, both, CAPTURE["raw"].encode(), SENT_AT)


@pytest.mark.parametrize(
    ("headers", "late"),
    [
        (SENT, 310),
        (SENT, -310),
        (SENT | {"x-mlflow-timestamp": str(int(SENT["x-mlflow-timestamp"]) + 1)}, 0),
        (SENT | {"x-mlflow-timestamp": "soon"}, 0),
        (SENT | {"x-mlflow-delivery-id": "another"}, 0),
        (SENT | {"x-mlflow-signature": ""}, 0),
        ({}, 0),
    ],
)
def test_an_old_or_altered_delivery_is_not(headers: dict[str, str], late: int) -> None:
    with pytest.raises(BadSignature) as refused:
        authenticate(MLFLOW, headers, CAPTURE["raw"].encode(), SENT_AT + timedelta(seconds=late))

    assert CAPTURE["_capture"]["secret"] not in str(refused.value)
