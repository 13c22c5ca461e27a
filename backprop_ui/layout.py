"""The frame around every page: skip link, header with navigation, main part."""

from __future__ import annotations

import reflex as rx

from backprop_ui.components.problem_card import problem_card
from backprop_ui.state.trouble import TroubleState

NAVIGATION = (("Train", "/"), ("Data", "/dataset"), ("Runs", "/runs"))


def page(title: str, lead: str, *children: rx.Component) -> rx.Component:
    """A page with its heading. `title` also names it in the navigation."""
    heading = rx.el.header(
        rx.el.h1(title, class_name="bp-title"),
        rx.el.p(lead, class_name="bp-lead"),
        class_name="bp-head",
    )
    return frame(heading, *children)


def frame(*children: rx.Component) -> rx.Component:
    return rx.fragment(
        # The router handles links to a place on the page and leaves the focus where it was.
        rx.el.a(
            "Skip to the content",
            href="#content",
            on_click=rx.set_focus("content"),
            class_name="bp-skip",
        ),
        _header(),
        rx.el.main(_trouble(), *children, id="content", tab_index=-1, class_name="bp-main"),
    )


def _trouble() -> rx.Component:
    return rx.cond(
        TroubleState.problem.code != "",
        rx.el.div(
            problem_card(TroubleState.problem),
            rx.button("Dismiss", on_click=TroubleState.dismiss, variant="ghost", size="1"),
            class_name="bp-trouble",
        ),
    )


def _header() -> rx.Component:
    brand = rx.link(
        rx.el.img(src="/logo.svg", alt=""),
        rx.el.span("backprop"),
        href="/",
        class_name="bp-brand",
        custom_attrs={"aria-label": "backprop, to the start page"},
    )
    links = [_link(label, href) for label, href in NAVIGATION]
    return rx.el.header(
        rx.el.div(
            brand,
            rx.el.nav(*links, class_name="bp-nav", custom_attrs={"aria-label": "Pages"}),
            _colour_switch(),
            class_name="bp-top-row",
        ),
        class_name="bp-top",
    )


def _link(label: str, href: str) -> rx.Component:
    path = rx.State.router.url.path
    here = (path == href) if href == "/" else path.startswith(href)
    return rx.link(
        label,
        href=href,
        underline="none",
        custom_attrs={"aria-current": rx.cond(here, "page", "false")},
    )


def _colour_switch() -> rx.Component:
    return rx.icon_button(
        rx.color_mode_cond(rx.icon("moon", size=16), rx.icon("sun", size=16)),
        on_click=rx.toggle_color_mode,
        variant="ghost",
        color_scheme="gray",
        size="2",
        custom_attrs={
            "aria-label": rx.color_mode_cond("Change to dark colours", "Change to light colours")
        },
    )
