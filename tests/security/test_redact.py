"""Secrets leave the text; the sentence around them stays."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.security.redact import MASK, RedactingStream, redact

SECRET_CASES = [
    # text, secret that must go, words that must stay
    ("Authorization: Bearer abc.DEF-123_x", "abc.DEF-123_x", "Authorization: Bearer"),
    ("sent BEARER s3cr3tvalue to host", "s3cr3tvalue", "to host"),
    ("bearer abcdefgh", "abcdefgh", "bearer"),
    ("authorization: basic dXNlcjpwYXNz", "dXNlcjpwYXNz", "basic"),
    ("BASIC dXNlcjpwYXNzd29yZA== refused", "dXNlcjpwYXNzd29yZA", "refused"),
    ("Basic dXNlcjpw", "dXNlcjpw", "Basic"),
    ("'Authorization': 'Token 0123456789'", "0123456789", "'Authorization'"),
    ("login with hf_AbCdEfGhIjKlMnOpQrStUv failed", "AbCdEfGhIjKlMnOpQrStUv", "failed"),
    ("HF_TOKEN=hf_abc123xyz", "abc123xyz", "HF_TOKEN="),
    ("key sk-abcdefghijklmnop", "abcdefghijklmnop", "key sk-"),
    ("key sk-proj-abc_DEF-ghi123", "abc_DEF-ghi123", "key"),
    ("key sk-ant-api03-abcdefgh", "api03-abcdefgh", "key"),
    ("key sk-or-v1-0011223344", "0011223344", "key"),
    ("push with github_pat_11ABCDEFG0abcdefghij", "11ABCDEFG0abcdefghij", "push with"),
    ("push with ghp_abcdefghijklmnopqrst", "abcdefghijklmnopqrst", "push with"),
    ("push with gho_abcdefghijklmnopqrst", "abcdefghijklmnopqrst", "push with"),
    ("slack xoxb-123456-abcdef said no", "123456-abcdef", "said no"),
    ("slack xoxp-123456-abcdef said no", "123456-abcdef", "said no"),
    ("id AKIAIOSFODNN7EXAMPLE", "IOSFODNN7EXAMPLE", "id AKIA"),
    ("id ASIAIOSFODNN7EXAMPLE", "IOSFODNN7EXAMPLE", "id ASIA"),
    ("AWS_SECRET_ACCESS_KEY=wJalr/XUtnFEMI+K7MDENG x", "wJalr/XUtnFEMI", " x"),
    ("aws_session_token = 'FwoGZXIvYXdzE' next", "FwoGZXIvYXdzE", "next"),
    ('{"token": "abc", "model": "starter"}', '"abc"', '"model": "starter"'),
    ('{"hf_token":"a\\"b","step":1}', 'a\\"b', '"step":1'),
    ('{"api_key": "k1", "x": 2}', '"k1"', '"x": 2'),
    ('{"apiKey": "k1"}', '"k1"', "apiKey"),
    ('{"password": "hunter2"}', "hunter2", "password"),
    ('{"client_secret": "hunter2"}', "hunter2", "client_secret"),
    ("{'token': 'abcdef'}", "abcdef", "'token'"),
    ('cut off "token": "abcdef', "abcdef", "cut off"),
    ("password=hunter2&user=me", "hunter2", "user=me"),
    ('password="two words" user=me', "two words", "user=me"),
    ("Password: hunter2", "hunter2", "Password:"),
    ("GET /x?token=abc123&page=2", "abc123", "page=2"),
    ("backprop push out --token abc123 --repo me/x", "abc123", "--repo me/x"),
    ("curl --api-key abc123 x", "abc123", "--api-key"),
    ("clone https://me:hunter2@example.org/repo", "hunter2", "@example.org/repo"),
    ("clone https://me:p@ss@example.org/repo", "p@ss", "@example.org/repo"),
    ("clone https://abcdef0123@example.org/repo", "abcdef0123", "@example.org/repo"),
    ("redis://:hunter2@localhost:6379/0", "hunter2", "localhost:6379/0"),
    ("jwt eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJSM seen", "SflKxwRJSM", "seen"),
    (
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----\nafter",
        "MIIE",
        "after",
    ),
]

HARMLESS = [
    "loss 1.234 at step 10, 512 tokens/s, eta 00:01:10",
    "basic training needs no token",
    "Basic understanding of bearer tokens and bearer authentication",
    '{"pad_token": "<pad>", "eos_token": "<|im_end|>", "tokens": 12}',
    "pad_token=<pad> max_tokens=12",
    "pip install hf_transfer hf_xet, then hf_hub_download",
    "see https://example.org:8080/a@b and me@example.org",
    "http://localhost:7862/runs",
    "risk-management and scikit-learn",
    "unexpected token: '}' at line 3",
    "A secret is never printed.",
    "C:\\Users\\me\\out\\runs\\20261121-221530-k3f9",
]


@pytest.mark.parametrize(("text", "secret", "kept"), SECRET_CASES)
def test_secret_goes_and_sentence_stays(text: str, secret: str, kept: str) -> None:
    cleaned = redact(text)
    assert secret not in cleaned
    assert kept in cleaned
    assert MASK in cleaned


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_is_unchanged(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("text", [case[0] for case in SECRET_CASES])
def test_redacting_twice_changes_nothing(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@given(
    st.sampled_from(["hf_", "sk-", "sk-proj-", "sk-ant-", "github_pat_", "ghp_", "xoxb-"]),
    st.text("abcdefghijklmnopqrstuvwxyzABCDEF0123456789", min_size=20, max_size=60),
    st.sampled_from([" ", "\n", '"', "'", "(", ",", "="]),
)
def test_tokens_with_a_known_beginning_never_survive(prefix: str, body: str, edge: str) -> None:
    assert body not in redact(f"before{edge}{prefix}{body}{edge}after")


@given(st.text(max_size=300))
def test_any_text_is_handled(text: str) -> None:
    assert isinstance(redact(text), str)


# Each of these made a naive pattern walk the text once per character.
@pytest.mark.parametrize(
    "piece",
    ["a", "a-", "_", "password ", "://", "://a:", "sk-", "bearer ", '"token": "\\', "AWS_A", "eyJ.",
     "-----BEGIN PRIVATE KEY-----", "basic aaaa", "authorization: ", "eyJaaaaaaaaa"],
)  # fmt: skip
def test_long_hostile_text_is_finished(piece: str) -> None:
    assert isinstance(redact(piece * (400_000 // len(piece))), str)


def test_stream_holds_a_line_back_until_it_is_whole() -> None:
    target = io.StringIO()
    stream = RedactingStream(target)
    stream.write("token=abc")
    stream.write("def\nnext")
    assert target.getvalue() == f"token={MASK}\n"
    stream.flush()
    assert target.getvalue() == f"token={MASK}\nnext"
