"""The loss curve: a canvas that takes 10,000 points, fed by short tails."""

import reflex as rx

from backprop_ui.views import Tail


class LossChart(rx.Component):
    """Draws raw loss, a smoothed line and eval points of one run.

    The history comes over HTTP from `/api/runs/{run}/curve`: when the chart appears, when
    `revision` changes (points were taken back), and when `tail` does not join on.
    """

    library = "$/public/components/loss_chart.jsx"
    tag = "LossChart"
    lib_dependencies: list[str] = ["uplot@1.6.32"]

    run: rx.Var[str]
    revision: rx.Var[int]
    tail: rx.Var[Tail]
    height: rx.Var[int]


loss_chart = LossChart.create
