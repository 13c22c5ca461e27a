"""A question before something that cannot be taken back."""

import reflex as rx


def confirm_dialog(
    trigger: rx.Component,
    title: str,
    words: rx.Var[str] | str,
    action: str,
    on_confirm: rx.EventHandler,
) -> rx.Component:
    cancel = rx.alert_dialog.cancel(rx.button("Cancel", variant="soft", color_scheme="gray"))
    confirm = rx.alert_dialog.action(rx.button(action, color_scheme="red", on_click=on_confirm))
    return rx.alert_dialog.root(
        rx.alert_dialog.trigger(trigger),
        rx.alert_dialog.content(
            rx.alert_dialog.title(title),
            rx.alert_dialog.description(words),
            rx.flex(cancel, confirm, spacing="3", justify="end", margin_top="20px"),
            max_width="440px",
        ),
    )
