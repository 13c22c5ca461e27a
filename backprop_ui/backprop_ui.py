import reflex as rx
from backprop_ui.components.loss_chart import loss_chart
class S(rx.State):
    n: int = 0
    @rx.event
    def go(self): self.n += 1
    @rx.event
    def load(self): self.n = 5
def index(): return rx.box(rx.text(S.n), rx.button("x", on_click=S.go), loss_chart(run="", revision=0, tail={}, height=200))
def run(): return rx.text(rx.State.router.page.path, S.run_id)
app = rx.App(stylesheets=["/styles.css"], html_lang="en")
app.add_page(index, route="/", on_load=S.load)
app.add_page(run, route="/runs/[run_id]", on_load=S.load)
