"""What went wrong in a handler that did not expect it."""

import reflex as rx

from backprop_ui.views import Problem


class TroubleState(rx.State):
    """The last unforeseen problem of this tab.

    No toast: a toast that a handler returns needs eval, which the page forbids.
    """

    problem: Problem = Problem()

    @rx.event
    def show(self, code: str, message: str, hint: str):
        self.problem = Problem(code, message, hint)

    @rx.event
    def dismiss(self):
        self.problem = Problem()
