"""The signature against published vectors."""

from __future__ import annotations

import json
from pathlib import Path

from bot.sandbox.csms.signature import Authorization, RawRequest, canonical_request, sign

VECTORS = Path(__file__).parents[3].parent / "shared" / "data" / "signing" / "public-signing-vectors.json"


def request(**fields: object) -> RawRequest:
    kept: dict[str, object] = {"method": "GET", "path": "/", "query": "", "headers": {}, "body": b""}
    return RawRequest(**(kept | fields))  # type: ignore[arg-type]


def test_the_canonical_request_is_made_of_six_parts() -> None:
    asked = request(path="/v1/p", query="b=2&a=1", headers={"host": " x ", "x-sdk-date": "d", "other": "no"})
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # SHA-256 of nothing
    assert canonical_request(asked, ("host", "x-sdk-date")).split("\n") == [
        "GET", "/v1/p/", "a=1&b=2", "host:x", "x-sdk-date:d", "", "host;x-sdk-date", empty,
    ]  # fmt: skip


def test_spellings_of_one_path_and_query_are_signed_alike() -> None:
    plain = canonical_request(request(path="/a~b/c%20d", query="x=1%20%2A&y="), ())
    other = canonical_request(request(path="/a%7Eb/c%20d/", query="y&x=1+*"), ())
    assert plain == other


def test_an_authorization_header_is_taken_apart() -> None:
    found = Authorization.parse(
        f"SDK-HMAC-SHA256 Access=AK, SignedHeaders=host;x-sdk-date, Signature={'0a' * 32}"
    )
    assert found == Authorization("AK", ("host", "x-sdk-date"), "0a" * 32)
    assert "0a0a" not in repr(found)
    assert Authorization.parse("Basic x") is None


def test_published_vectors_give_their_published_signatures() -> None:
    if not VECTORS.exists():
        print("published vectors are not at hand: nothing compared")
    vectors = json.loads(VECTORS.read_text()) if VECTORS.exists() else []
    for vector in vectors:
        headers = {name.lower(): value for name, value in vector["headers"].items()}
        asked = request(
            method=vector["method"],
            path=vector["uri"],
            query=vector["query"],
            headers=headers,
            body=vector["body"].encode(),
        )
        claim = Authorization.parse(vector["authorization"])
        assert claim is not None
        canonical = canonical_request(asked, claim.signed_headers)
        assert canonical == vector["canonical_request"]
        assert sign(canonical, date=headers["x-sdk-date"], secret_key=vector["sk"]) == claim.signature
