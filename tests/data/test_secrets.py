import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.data.secrets import find_leaks, passes_luhn, passes_mod97

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart.jsonl"
DOCUMENTS = sorted((Path(__file__).parents[2] / "docs").glob("*.md"))
KEY = "sk-" + "a1B2" * 6

FOUND = [
    ("key", KEY),
    ("key", "ghp_" + "x1Y2" * 9),
    ("key", "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----"),
    ("e-mail", "jane.doe+news@mail.shipyard.co.uk"),
    ("card", "4012 8888 8888 1881"),
    ("card", "378282246310005"),
    ("account", "GB82 WEST 1234 5698 7654 32"),
    ("account", "DE89370400440532013000"),
    ("phone", "+49 30 901820 44"),
    ("phone", "(212) 664-7665"),
]
ORDINARY = [
    "Write to me@example.com or admin@mail.example.org.",
    "Call 555-0134, or +1 202 555 0134.",
    "The order 4012 8888 8888 1882 and the date 2026-11-21 12:30:05.",
    "Install sk-learn-contrib and risk-assessment-tools.",
    "pi is 3.14159265358979323846, and 10.0.0.1 an address.",
    "ISBN 978-3-16-148410-0 costs 12,345,678.90 in total.",
    "GB82 WEST 1234 5698 7654 33 has a wrong checksum.",
    "1111 1111 1111 1111, 0000000000000000 and 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
    "f(x) = x@y, a @ b, user@host and git@localhost:repo",
    "commit 3f2504e04f8911d39a0c0305e82c3301 in v1.2.3+45",
    "In 1969 + 1970 2000 people came; the sum was +5 000 more.",
]


@pytest.mark.parametrize(("kind", "secret"), FOUND)
def test_leaks_are_found_in_place_and_never_shown(kind: str, secret: str) -> None:
    text = f"Here: {secret}, as asked."
    (leak,) = find_leaks(text)
    assert leak.kind == kind
    assert text[leak.start : leak.end] == secret
    assert secret not in leak.shown
    assert len(leak.shown.replace("***", "")) <= 6


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_raises_no_alarm(text: str) -> None:
    assert find_leaks(text) == ()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_our_handbook_raises_no_alarm(document: Path) -> None:
    assert find_leaks(document.read_text(encoding="utf-8")) == ()


def test_the_examples_raise_no_alarm() -> None:
    for line in QUICKSTART.read_text(encoding="utf-8").splitlines():
        turns = json.loads(line)["conversations"]
        assert find_leaks("\n".join(turn["value"] for turn in turns)) == ()


@given(digits=st.text("0123456789", min_size=1, max_size=18))
def test_luhn_has_one_check_digit_and_sees_every_wrong_digit(digits: str) -> None:
    (right,) = [check for check in "0123456789" if passes_luhn(digits + check)]
    for place, digit in enumerate(digits):
        wrong = str((int(digit) + 1) % 10)
        assert not passes_luhn(digits[:place] + wrong + digits[place + 1 :] + right)


@given(number=st.text("0123456789ABCXYZ", min_size=11, max_size=30))
def test_mod97_has_one_checksum(number: str) -> None:
    right = [f"{check:02}" for check in range(2, 99) if passes_mod97(f"DE{check:02}{number}")]
    assert len(right) == 1


@given(text=st.text(max_size=300))
def test_any_text_can_be_searched(text: str) -> None:
    leaks = find_leaks(text)
    assert all(one.end <= other.start for one, other in pairwise(leaks))


@pytest.mark.parametrize("piece", ["4", "+1 ", "AB12", "a.", "a@a.", "4-4", "(212) ", "sk-1"])
def test_long_hostile_text_is_finished(piece: str) -> None:
    assert len(find_leaks(piece * 20_000)) >= 0
