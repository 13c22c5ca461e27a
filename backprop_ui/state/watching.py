"""One background watcher a tab: the newest wins, and all end when the tab has gone."""

from __future__ import annotations

import reflex as rx

from backprop_ui.application import is_open


class Watching(rx.State, mixin=True):
    """For states that follow something. Navigation and reloads begin a new watch each time.

    A number, not a flag: a page that is loaded again would find the flag of the watcher that
    has not yet noticed its end.
    """

    _watch: int = 0

    async def _begin_watch(self) -> int:
        async with self:
            self._watch += 1
            return self._watch

    def _watches_on(self, mine: int) -> bool:
        return self._watch == mine and is_open(self.router.session.client_token)
