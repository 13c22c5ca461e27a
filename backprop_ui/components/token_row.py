"""An example token by token: what is learned, what is context, what is cut off."""

import reflex as rx

from backprop_ui.data_views import Token, TokenRow

LEGEND = (
    ("trained", "the model learns to write it"),
    ("masked", "context: read, not learned"),
    ("truncated", "beyond max length: thrown away"),
    ("padding", "fills a shorter row up"),
    ("boundary", "a row joined to the one before begins"),
)


def token_legend() -> rx.Component:
    entries = [
        rx.el.li(
            rx.el.span(state, class_name="bp-token", custom_attrs={"data-state": state}),
            f" {meaning}",
        )
        for state, meaning in LEGEND
    ]
    return rx.el.ul(*entries, class_name="bp-legend", custom_attrs={"aria-label": "Legend"})


def token_row(row: rx.Var[TokenRow]) -> rx.Component:
    return rx.el.li(
        rx.el.p(rx.el.b(row.place), " ", row.words, class_name="bp-place"),
        rx.el.div(
            rx.foreach(row.tokens, _token),
            rx.cond(row.more != "", rx.el.span(row.more, class_name="bp-quiet")),
            class_name="bp-tokens",
            tab_index=0,
            role="group",
            custom_attrs={"aria-label": row.place},
        ),
        class_name="bp-data-row",
    )


def _token(token: rx.Var[Token]) -> rx.Component:
    return rx.el.span(
        token.text,
        title=token.words,
        class_name="bp-token",
        custom_attrs={"data-state": token.state},
    )
