"""An error as people can act on it: what happened, what to do next, and its code."""

import reflex as rx

from backprop_ui.views import Problem


def problem_card(problem: rx.Var[Problem]) -> rx.Component:
    """Draws nothing while there is no problem."""
    return rx.cond(
        problem.code != "",
        rx.el.div(
            rx.icon("circle-alert", size=18),
            rx.el.div(
                rx.el.b(problem.message),
                rx.cond(problem.hint != "", rx.el.span(problem.hint)),
                rx.el.code(problem.code),
                class_name="bp-problem-text",
            ),
            class_name="bp-problem",
            role="alert",
        ),
    )
