from __future__ import annotations

import pytest

from engine.training.callbacks import WINDOW_STEPS, Pace


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def step(pace: Pace, clock: Clock, seconds: float, tokens: int) -> None:
    pace.begin_step()
    clock.now += seconds
    pace.end_step(tokens)


def test_speed_counts_training_time_only() -> None:
    clock = Clock()
    pace = Pace(clock)
    step(pace, clock, 2.0, 100)
    clock.now += 60  # a pause
    pace.begin_evaluation()
    clock.now += 5
    pace.end_evaluation()
    step(pace, clock, 3.0, 250)
    assert pace.tokens_per_second() == pytest.approx(50)
    assert pace.training_seconds == pytest.approx(10)
    assert pace.eta_seconds(steps=4, evaluations=2) == pytest.approx(4 * 2.5 + 2 * 5)


def test_speed_follows_the_last_steps() -> None:
    clock = Clock()
    pace = Pace(clock)
    step(pace, clock, 1000.0, 10)
    for number in range(WINDOW_STEPS):
        step(pace, clock, 1.0, 10 + (number + 1) * 30)
    assert pace.tokens_per_second() == pytest.approx(30)


def test_tokens_of_an_earlier_attempt_are_no_speed() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.go_on_from(10_000)
    step(pace, clock, 1.0, 10_050)
    assert pace.tokens_per_second() == pytest.approx(50)
