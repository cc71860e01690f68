import numpy as np
import pytest

from lightning_plates.errors import ConfigError, InputError
from lightning_plates.reading.calibration import (
    IDENTITY,
    Calibration,
    load_calibration,
)
from lightning_plates.reading.risk import fit_platt, risk_curve


def test_an_overconfident_engine_is_corrected():
    random = np.random.default_rng(1)
    believed = np.repeat([0.6, 0.9, 0.99], 2000)
    right = random.random(6000) < np.repeat([0.5, 0.7, 0.9], 2000)
    slope, intercept = fit_platt(believed.tolist(), right.tolist())
    calibration = Calibration(slope, intercept, 0.0)
    for belief, truth in [(0.6, 0.5), (0.9, 0.7), (0.99, 0.9)]:
        assert calibration.apply(belief) == pytest.approx(truth, abs=0.04)


def test_nothing_can_be_fitted_without_errors():
    with pytest.raises(InputError, match="2 right and 0 wrong"):
        fit_platt([0.9, 0.8], [True, True])


def test_sure_errors_do_not_carry_the_fit_away():
    believed, right = [0.999999] * 30 + [0.3] * 10, [True] * 29 + [False] * 11
    slope, intercept = fit_platt(believed, right)
    assert 0 < slope < 1
    assert Calibration(slope, intercept, 0.0).apply(0.999999) == pytest.approx(29 / 30, abs=0.05)


def test_belief_that_says_the_opposite_is_refused():
    with pytest.raises(InputError, match="believed as much"):
        fit_platt([0.9] * 10 + [0.2] * 10, [False] * 9 + [True] + [True] * 9 + [False])


def test_the_curve_counts_wrong_answers_among_those_given():
    curve = risk_curve([0.9, 0.8, 0.8, 0.4], [True, True, False, False])
    assert curve.thresholds.tolist() == [0.9, 0.8, 0.4]
    assert curve.coverage.tolist() == [0.25, 0.75, 1.0]
    assert curve.risk.tolist() == pytest.approx([0, 1 / 3, 0.5])
    assert curve.threshold_for(0.01) == 0.9
    assert curve.threshold_for(0.4) == 0.8
    assert risk_curve([0.9], [False]).threshold_for(0.1) == 1.0


def test_the_default_engine_is_calibrated():
    calibration = load_calibration("rapidocr")
    assert calibration != IDENTITY
    assert 0.5 < calibration.min_confidence < 1
    assert calibration.apply(0.999) > calibration.min_confidence > calibration.apply(0.3)


def test_an_engine_that_nobody_calibrated_keeps_its_own_belief():
    assert load_calibration("unheard_of").apply(0.7) == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{slope: -1, intercept: 0, min_confidence: 0.5}", "line 4: e: expected a positive slope"),
        ("{slope: .nan, intercept: 0, min_confidence: 0.5}", "line 4: slope: expected a number"),
        (
            f"{{slope: {'9' * 5000}, intercept: 0, min_confidence: 0.5}}",
            "line 4: slope: expected a number",
        ),
        (
            "{slope: 1, intercept: 0, min_confidence: 0.5, right: [1]}",
            "line 4: right: expected one value",
        ),
        ("{slope: 1, intercept: 0, __class__: 0.5}", "line 4: __class__: unknown"),
    ],
)
def test_a_bad_calibration_file_is_refused_with_its_line(tmp_path, monkeypatch, entry, message):
    file = tmp_path / "calibration.yaml"
    file.write_text(f"made_by: x\ndata: y\nengines:\n  e: {entry}\n")
    monkeypatch.setattr("lightning_plates.reading.calibration.find_config", lambda *_: file)
    with pytest.raises(ConfigError, match=message):
        load_calibration("e")


def test_a_calibration_says_how_it_was_made(tmp_path, monkeypatch):
    file = tmp_path / "calibration.yaml"
    file.write_text("made_by: x\ndata: [y]\nengines: {}\n")
    monkeypatch.setattr("lightning_plates.reading.calibration.find_config", lambda *_: file)
    with pytest.raises(ConfigError, match="line 2: data: expected one value"):
        load_calibration("e")
