import pytest

from engine.data.characters import characters
from engine.data.languages import language_of
from engine.data.outliers import find_outliers


def test_shares_add_up() -> None:
    made_of = characters("aB3 ,é")
    assert made_of.shares == pytest.approx((1 / 6,) * 6)
    assert sum(characters("").shares) == 0


def test_far_rows_are_found_and_named() -> None:
    texts = [f"An ordinary line with number {i} in it." for i in range(40)]
    texts += ["long " * 2000, "%$#@!" * 8]
    found = find_outliers([len(text) for text in texts], [characters(text) for text in texts])
    assert {outlier.position: outlier.reason for outlier in found} == {
        40: "far longer than the others",
        41: "more signs than the others",
    }


def test_alike_rows_and_few_rows_have_none() -> None:
    made_of = characters("the same")
    assert find_outliers([8] * 50, [made_of] * 50) == ()
    assert find_outliers([1, 1, 10**6], [made_of] * 3) == ()


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What is a run? One training with all of its files.", "en"),
        ("Was ist ein Lauf? Ein Training mit allen seinen Dateien.", "de"),
        ("これは日本語の文章です", "ja"),
        ("Hi", "unknown"),
        ("12345 67890 {}[]", "unknown"),
        ("", "unknown"),
    ],
)
def test_language(text: str, language: str) -> None:
    assert language_of(text) == language
