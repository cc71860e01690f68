"""Commands, converters and runtimes ask for no internet socket and leave no file behind.

Each runs in a network namespace of its own under strace, with an empty home and temporary folder,
and lives on until what reports would have done so. ``make offline`` runs this module.
"""

import fnmatch
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import yaml
from drawn_plates import make_crops
from PIL import Image
from tiny import make_plate_set
from tiny_onnx import save_conv_model
from watched import LINGER_S, Watched, watch, why_not

from conversion._discovery import list_converters
from conversion.keras.importer import TOOLS as KERAS_TOOLS
from conversion.tflite.converter import TOOLS as TFLITE_TOOLS
from conversion.tools.environment import tools_folder
from lightning_plates.data.synthetic.scene import SceneOptions, compose
from lightning_plates.errors import MissingDependencyError
from lightning_plates.optional import is_installed
from runtimes import installed_runtimes

pytestmark = [
    pytest.mark.offline,
    pytest.mark.timeout(1500),  # the first test waits for all that runs beside it
    pytest.mark.skipif(bool(why_not()), reason=why_not() or ""),
]

PROMISED = (
    # Matplotlib's list of fonts: torchmetrics imports it, and `fit` draws its curves with it.
    "home/.cache/matplotlib/fontlist-*.json",
    "home/.config/matplotlib",
    # torch makes the folder of its compiler's cache when it exports a program, and puts nothing in.
    "tmp/torchinductor_*",
)
"""What commands may leave in a home or temporary folder, each with its reason."""

NOT_HERE = ("coreml", "tensorrt")
"""Runtimes that need an Apple system or an NVIDIA GPU: only their converters run."""

TOOLS = {"tflite": TFLITE_TOOLS, "keras": KERAS_TOOLS}
"""Environments that are made while there is a network."""

PACKAGE = {"keras": "onnx", "fit": "pytorch_lightning"}
"""What must be installed for a case that is no converter; the others run everywhere."""


def reading_commands(project):
    finder = f"{project}/artifacts/finder/plate_finder_int8.onnx"
    plates = "lightning_plates"
    return {
        "read": [[plates, "read", "photo.png", "--csv", "out.csv", "--save", "pictures"]],
        "predict": [[plates, "predict", finder, "photo.png", "--save", "pictures"]],
        "evaluate-reading": [[plates, "evaluate-reading", "--crops", "crops"]],
    }


def training_commands(project):
    backbone = f"{project}/artifacts/backbones/mobilenet_v2.safetensors"
    checkpoint = "runs/fit/best.ckpt"
    return [
        ["lightning_plates", "fit", "--config", "fit.yaml", "--model.weights", backbone],
        ["conversion.hub", checkpoint, "-o", "model.onnx"],
        ["lightning_plates", "predict", checkpoint, "photo.png"],
    ]


def converter_commands(name):
    precision = list_converters()[name].precisions[-1]  # INT8 where there is one: its own tools
    words = [f"conversion.{name}", "tiny.onnx", "-o", "out", "--precision", precision]
    words += ["--calibration", "photos", "--min-iou", "0"]
    if name == "tensorrt":
        words.append("--trtexec")
    check = ["lightning_plates", "check", "out"]  # what a device does, with the runtime alone
    return [words] if name in NOT_HERE else [words, check]


def commands_of(name, project):
    """Commands, one after the other, each with the words after ``python -m``."""
    if name == "fit":
        return training_commands(project)
    if name == "keras":
        return [["conversion.keras", "keras3.h5", "-o", "model.onnx"]]
    return reading_commands(project).get(name) or converter_commands(name)


def is_runnable(name):
    cls = list_converters().get(name)
    if name == "tensorrt":  # the kit for a board needs no TensorRT
        return is_installed("onnx")
    return is_installed(cls.module if cls else PACKAGE.get(name, "onnxruntime"))


CASES = sorted(filter(is_runnable, [*reading_commands(""), *list_converters(), *PACKAGE]))


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """What the commands take; it is copied to where each runs."""
    folder = tmp_path_factory.mktemp("inputs")
    scene = compose(np.random.default_rng(0), SceneOptions(plate_width=(0.25, 0.35)))
    Image.fromarray(scene.pixels).save(folder / "photo.png")
    make_plate_set(folder / "photos", 12)
    make_crops(folder / "crops", ("BCR-456", "KFR-247"))
    save_conv_model(folder / "tiny.onnx")
    network = {"backbone": "mobilenet_v2", "width": 32, "height": 32}
    settings = {
        "model": {
            "class_path": "lightning_plates.models.lit_box_regressor.LitBoxRegressor",
            "init_args": network,
        },
        "data": {"init_args": {"path": "photos", "batch_size": 4}},
        "trainer": {"max_epochs": 1, "accelerator": "cpu"},
    }
    (folder / "fit.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return folder


def run_case(name, inputs, folder, project):
    """What each command of a case did, until one failed."""
    shutil.copytree(inputs, folder)
    done = []
    for words in commands_of(name, project):
        linger = [f"{project}/tests/linger.py", str(LINGER_S), *words]
        done.append(watch(linger, folder, project, LIGHTNING_PLATES_TOOLS=str(tools_folder())))
        if done[-1].status:
            break
    return done


@pytest.fixture(scope="module")
def running(request, inputs, project_dir, tmp_path_factory):
    """All cases of this session at once: most of their time they wait."""
    wanted = {
        item.callspec.params["case"] for item in request.session.items if hasattr(item, "callspec")
        if "case" in item.callspec.params
    }  # fmt: skip
    missing = make_tools(wanted, inputs, project_dir)
    folder = tmp_path_factory.mktemp("watched")
    with ThreadPoolExecutor(2 + (os.cpu_count() or 1)) as threads:
        yield {
            name: missing.get(name)
            or threads.submit(run_case, name, inputs, folder / name, project_dir)
            for name in sorted(wanted)
        }


def make_tools(wanted, inputs, project):
    """Make the tool environments; the reason by the name of the case where that fails."""
    missing = {}
    for name in wanted & set(TOOLS):
        try:
            python = TOOLS[name].ensure()
        except MissingDependencyError as error:
            missing[name] = str(error)
            continue
        if name == "keras":
            script = project / "tests" / "keras_models.py"
            subprocess.run([python, "-I", script, inputs], check=True, capture_output=True)
    return missing


@pytest.mark.parametrize("case", CASES)
def test_no_socket_is_asked_for_and_no_file_is_left(case, running):
    started = running[case]
    if isinstance(started, str):
        pytest.skip(started)
    for done in started.result():
        assert done.status == 0, done.said
        assert done.sockets == (), done.said
        assert unpromised(done) == [], done.said


def unpromised(done: Watched):
    return [
        file for file in done.left if not any(fnmatch.fnmatch(file, known) for known in PROMISED)
    ]


def test_every_runtime_has_a_case():
    watched = {cls.runtime for cls in list_converters().values()} | {"pytorch"}
    assert {*installed_runtimes()} - {*NOT_HERE} <= watched


@pytest.mark.parametrize(
    ("module", "leaves"),
    [
        ("onnxruntime", "home/.cache/Microsoft/DeveloperTools/*"),
        ("openvino", "home/intel/*"),
        ("albumentations", None),
    ],
)
def test_the_watch_sees_what_reports(module, leaves, tmp_path, project_dir):
    """The same packages without our silence: else the tests above could not fail."""
    if not is_installed(module):
        pytest.skip(f"{module} is not installed")
    words = ["-W", "ignore", "-c", f"import {module}, time; time.sleep({LINGER_S})"]
    done = watch(words, tmp_path, project_dir)
    assert done.status == 0, done.said
    assert done.sockets
    assert not leaves or fnmatch.filter(done.left, leaves)
