"""A command or a path as it can be pasted, with a button that copies it."""

import reflex as rx


def command_box(text: rx.Var[str], what: str = "command") -> rx.Component:
    return rx.el.div(
        rx.el.code(text),
        rx.el.button(
            rx.icon("copy", size=15),
            type="button",
            class_name="bp-copy",
            on_click=[rx.set_clipboard(text), rx.toast.success(f"Copied the {what}.")],
            custom_attrs={"aria-label": f"Copy the {what}"},
        ),
        class_name="bp-command",
    )
