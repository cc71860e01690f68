import dataclasses
import sys

import numpy as np
import onnx
import pytest
from tiny_onnx import RGB_SPEC, save_constant_scored_model, save_mean_colour_model

from lightning_plates.__main__ import main
from lightning_plates.agreement import Agreement
from lightning_plates.boxes import Detection
from lightning_plates.golden import Golden, golden_file, save_golden


def half_photo(left, right, size=(40, 24)):
    """A photo whose halves have two colours; its mean colour is between them."""
    photo = np.empty((size[1], size[0], 3), dtype=np.uint8)
    photo[:, : size[0] // 2], photo[:, size[0] // 2 :] = left, right
    return photo


PHOTOS = (
    half_photo((250, 30, 90), (200, 60, 120)),
    half_photo((20, 200, 240), (60, 90, 200)),
    half_photo((120, 20, 10), (90, 70, 30), size=(24, 50)),
)


def true_box(photo):
    """What the mean-colour model answers, worked out by hand, in pixels of the photo."""
    height, width = photo.shape[:2]
    red, green, blue = photo.reshape(-1, 3).mean(axis=0) / 255
    return (
        red / 2 * width,
        green / 2 * height,
        (0.5 + red / 2) * width,
        (0.5 + blue / 2) * height,
    )


def save_artefact(folder, precision="fp32", order=(0, 1, 2, 3), shift=0.0, **changes):
    """A model file with golden answers; ``changes`` make its spec a lie."""
    path = save_mean_colour_model(folder / "model.onnx", dataclasses.replace(RGB_SPEC, **changes))
    model = onnx.load(str(path))
    for weight in model.graph.initializer:
        values = onnx.numpy_helper.to_array(weight)[..., list(order)]
        values = values + np.float32(shift) * (weight.name == "bias")
        weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))
    onnx.save(model, str(path))
    answers = tuple((Detection(true_box(photo), None),) for photo in PHOTOS)
    agreement = Agreement(len(PHOTOS), len(PHOTOS), 1.0, 0.0)
    save_golden(Golden(PHOTOS, answers, "box", {}, agreement, precision), golden_file(path))
    return path


def test_a_sound_model_agrees(tmp_path, capsys):
    assert main(["check", str(save_artefact(tmp_path))]) == 0
    assert "agrees; ONNX Runtime on 3 golden photos: mean IoU" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("lie", "item", "instead"),
    [
        ({"colour_order": "BGR"}, "colour order", "RGB"),
        ({"resize": "letterbox"}, "resize mode", "stretch"),
        ({"mean": (0.5,) * 3, "std": (0.5,) * 3}, "scaling", "0–1"),
        ({"std": (1 / 255,) * 3}, "scaling", "0–1"),
        ({"order": (1, 0, 3, 2)}, "decoding", "y1, x1, y2, x2"),
    ],
)
def test_the_item_that_is_wrong_is_named(tmp_path, capsys, lie, item, instead):
    assert main(["check", str(save_artefact(tmp_path, **lie))]) == 1
    out = capsys.readouterr().out
    assert "answers differently" in out
    assert f"The {item} explains it: the answers agree with {instead}." in out


@pytest.mark.parametrize(
    ("shift", "explanation"),
    [(0.04, "The precision explains it"), (0.4, "No single item of the contract explains it")],
)
def test_what_no_item_explains(tmp_path, capsys, shift, explanation):
    assert main(["check", str(save_artefact(tmp_path, shift=shift))]) == 1
    assert explanation in capsys.readouterr().out


def test_a_wrong_layout_is_named_by_the_runtime(tmp_path, capsys):
    assert main(["check", str(save_artefact(tmp_path, layout="NHWC"))]) == 2
    assert "layout NCHW would fit" in capsys.readouterr().err


def test_what_the_conversion_cost_is_not_held_against_the_device(tmp_path):
    path = save_artefact(tmp_path, precision="int8", shift=0.04)
    answers = tuple((Detection(true_box(photo), None),) for photo in PHOTOS)
    coarse = Golden(PHOTOS, answers, "box", {}, Agreement(3, 3, 0.75, 0.0), "int8")
    save_golden(coarse, golden_file(path))
    assert main(["check", str(path)]) == 0


@pytest.mark.parametrize(
    ("score", "made_difference", "status", "says"),
    [
        (0.93, 0.0, 0, "largest score difference 0.020 (0.000)"),
        (0.80, 0.13, 0, "agrees"),  # as unsure as it was when it was converted
        (0.80, 0.0, 1, "The precision explains it"),
        (0.05, 0.0, 1, "No single item of the contract explains it"),
    ],
)
def test_a_finder_must_be_as_sure_of_the_same_box(
    tmp_path, capsys, score, made_difference, status, says
):
    box = [0.2, 0.2, 0.6, 0.5]
    path = save_constant_scored_model(tmp_path / "finder.onnx", [box], [score])
    photo = half_photo((90, 90, 90), (90, 90, 90), size=(40, 40))
    expected = ((Detection(tuple(40 * side for side in box), 0.95),),)
    agreement = Agreement(1, 1, 1.0, made_difference)
    save_golden(Golden((photo,), expected, "detection", {}, agreement, "int8"), golden_file(path))
    assert main(["check", str(path)]) == status
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 no archive"])
def test_missing_or_broken_golden_answers_are_named(tmp_path, capsys, content):
    path = save_artefact(tmp_path)
    golden_file(path).unlink()
    if content is not None:
        golden_file(path).write_bytes(content)
    assert main(["check", str(path)]) == 2
    error = capsys.readouterr().err
    assert "model.onnx.golden.npz" in error
    assert error.count("\n") == 1


def test_a_folder_checks_every_model_with_golden_answers(tmp_path, capsys):
    sound, wrong = tmp_path / "a" / "out", tmp_path / "b"
    for folder in (sound, wrong):
        folder.mkdir(parents=True)
    save_artefact(sound)
    (sound / "without_golden.onnx").write_bytes(b"x")
    lie = save_artefact(wrong, colour_order="BGR").rename(sound / "wrong.onnx")
    golden_file(wrong / "model.onnx").rename(golden_file(lie))
    assert main(["check", str(sound)]) == 1
    verdicts = capsys.readouterr().out.splitlines()
    assert [line.split(";")[0] for line in verdicts] == [
        "model.onnx: agrees", "wrong.onnx: answers differently"
    ]  # fmt: skip
    lie.write_bytes(b"x")
    (sound / "model.onnx").rename(sound / "moved.onnx")
    assert main(["check", str(sound)]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2  # one that is broken does not hide the others
    assert errors[0].endswith("model.onnx: no such file")


def test_a_model_whose_runtime_is_not_installed_is_named(tmp_path, capsys, monkeypatch):
    save_artefact(tmp_path)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert main(["check", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        "error: model.onnx: onnxruntime is not installed. "
        "Install it with: pip install lightning-plates\n"
    )


def test_what_is_not_there_is_named(tmp_path, capsys):
    for name in ("missing.onnx", "missing.xyz", "missing"):
        assert main(["check", str(tmp_path / name)]) == 2
        assert capsys.readouterr().err == f"error: {tmp_path / name}: no such file\n"
    assert main(["check", str(tmp_path)]) == 2
    assert "no model in this folder has golden answers" in capsys.readouterr().err
