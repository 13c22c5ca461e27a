"""The app with its pages. Reflex imports it by this name (`app_name` in rxconfig.py)."""

from backprop_ui.application import app
from backprop_ui.pages.dataset import dataset
from backprop_ui.pages.run_detail import run_detail
from backprop_ui.pages.runs import runs
from backprop_ui.pages.train import train
from backprop_ui.state.dataset import DatasetState
from backprop_ui.state.run_detail import RunState
from backprop_ui.state.runs import RunsState
from backprop_ui.state.train import TrainState

__all__ = ["app"]

app.add_page(train, route="/", title="Train · backprop", on_load=TrainState.open)
app.add_page(dataset, route="/dataset", title="Data · backprop", on_load=DatasetState.open)
app.add_page(runs, route="/runs", title="Runs · backprop", on_load=RunsState.watch)
app.add_page(run_detail, route="/runs/[run_id]", title="Run · backprop", on_load=RunState.watch)
