"""Schedules follow the run's length as it is set now, also where the run is resumed."""

from types import SimpleNamespace

import pytest

from lightning_plates.errors import ConfigError
from lightning_plates.models.lit_box_regressor import LitBoxRegressor
from lightning_plates.models.lit_plate_detector import LitPlateDetector
from lightning_plates.models.schedules import WARM_UP_STEPS, rate_share

STEPS_PER_EPOCH = 30


@pytest.fixture(params=["cosine", "plateau", "detector"])
def begin(request, monkeypatch):
    """Builds optimiser and schedule for a run of some epochs, with its count of steps an epoch."""
    if request.param == "detector":
        module = LitPlateDetector(weights="none", size=64, channels=16)
    else:
        sizes = {"width": 32, "height": 32}
        module = LitBoxRegressor("mobilenet_v3_small", "none", schedule=request.param, **sizes)

    def build(epochs):
        steps = epochs * STEPS_PER_EPOCH if epochs > 0 else float("inf")
        trainer = SimpleNamespace(max_epochs=epochs, estimated_stepping_batches=steps)
        monkeypatch.setattr(type(module), "trainer", trainer)
        built = module.configure_optimizers()
        schedule = built["lr_scheduler"]
        if not isinstance(schedule, dict):
            return built["optimizer"], schedule, 1
        if schedule.get("interval") == "step":
            return built["optimizer"], schedule["scheduler"], STEPS_PER_EPOCH
        return built["optimizer"], _Falling(schedule["scheduler"]), 1

    return build


class _Falling:
    """A schedule by the validation loss, where the loss always falls."""

    def __init__(self, schedule):
        self.schedule, self.loss = schedule, 1.0
        self.state_dict, self.load_state_dict = schedule.state_dict, schedule.load_state_dict

    def step(self):
        self.loss /= 2
        self.schedule.step(self.loss)


def run(optimizer, schedule, count):
    """The rates that ``count`` steps of the schedule are trained with, and the one after them."""
    rates = [optimizer.param_groups[-1]["lr"]]
    for _ in range(count):
        optimizer.step()  # without gradients it changes nothing
        schedule.step()
        rates.append(optimizer.param_groups[-1]["lr"])
    return rates


def test_a_run_resumed_with_more_epochs_has_the_rates_of_a_run_of_that_length(begin):
    optimizer, schedule, an_epoch = begin(4)
    whole = run(optimizer, schedule, 4 * an_epoch)
    optimizer, schedule, _ = begin(2)
    first = run(optimizer, schedule, 2 * an_epoch)
    saved = optimizer.state_dict(), schedule.state_dict()
    optimizer, schedule, _ = begin(4)
    optimizer.load_state_dict(saved[0])
    schedule.load_state_dict(saved[1])
    rest = run(optimizer, schedule, 2 * an_epoch)
    assert rest == pytest.approx(whole[2 * an_epoch :], abs=1e-12)
    assert rest[-1] <= first[0]


def test_a_schedule_that_ends_needs_an_end(begin, request):
    if "plateau" in request.node.callspec.id:
        begin(-1)
        return
    with pytest.raises(ConfigError, match=r"give --trainer\.max_epochs N"):
        begin(-1)


def test_the_rate_warms_up_and_ends_at_nothing():
    steps = 400
    assert rate_share(0, steps) == pytest.approx(1 / WARM_UP_STEPS)
    assert rate_share(WARM_UP_STEPS, steps) > 0.95
    assert rate_share(steps, steps) == pytest.approx(0.0)
