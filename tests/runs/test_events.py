from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runs.events import Failed, Step, from_json

finite = st.floats(allow_nan=False, allow_infinity=False)


@given(loss=finite, step=st.integers(0, 10**9))
def test_a_step_survives_the_wire(loss: float, step: int) -> None:
    event = Step(step, 10**9, 0.5, loss, 1e-4, 1.0, 10, 2.0, 3.0)
    line = event.to_json()
    assert "\n" not in line
    assert from_json(line) == event


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_is_never_sent(loss: float) -> None:
    with pytest.raises(ValueError):
        Step(1, 2, 0.5, loss, 1e-4, 1.0, 10, 2.0, 3.0).to_json()


def test_text_with_line_breaks_stays_on_one_line() -> None:
    event = Failed("RUNTIME_UNEXPECTED", "first\nsecond\u2028third")
    assert "\n" not in event.to_json()
    assert from_json(event.to_json()) == event


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("Loading weights: 100%", "not JSON"),
        ("[]", "known kind"),
        ('{"kind": "nothing"}', "known kind"),
        ('{"kind": "warning", "colour": 1}', "no field colour"),
        ('{"kind": "warning"}', "message"),
        ('{"kind": "evaluated", "step": 1, "loss": NaN, "is_best": true}', "not finite"),
    ],
)
def test_what_is_not_an_event_is_refused_in_words(line: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        from_json(line)


@given(st.text())
def test_no_line_at_all_can_raise_anything_but_value_error(line: str) -> None:
    try:
        from_json(line)
    except ValueError:
        return
    assert json.loads(line)["kind"]
