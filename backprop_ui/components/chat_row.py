"""A row of a file as a chat, or as it stands in the file. Everything is text, never markup."""

import reflex as rx

from backprop_ui.data_views import DataRow, Turn


def chat_row(row: rx.Var[DataRow], raw: rx.Var[bool]) -> rx.Component:
    shown = rx.cond(
        raw | (row.turns.length() == 0),
        rx.el.pre(row.raw, class_name="bp-raw", tab_index=0),
        rx.el.div(rx.foreach(row.turns, _turn), class_name="bp-turns"),
    )
    return rx.el.li(
        rx.el.span(row.place, class_name="bp-place"),
        rx.cond(row.problem != "", _problem(row)),
        rx.cond((row.raw != "") | (row.turns.length() > 0), shown),
        class_name="bp-data-row",
    )


def _turn(turn: rx.Var[Turn]) -> rx.Component:
    return rx.el.div(
        rx.el.span(turn.role, class_name="bp-role"),
        rx.el.p(turn.text),
        class_name="bp-turn",
        custom_attrs={"data-role": turn.role},
    )


def _problem(row: rx.Var[DataRow]) -> rx.Component:
    return rx.el.p(rx.el.b(row.problem), " ", row.mend, class_name="bp-row-problem")
