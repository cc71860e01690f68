"""Writes Keras models in every form that is imported; run by the Python of the Keras environment.

``python tests/keras_models.py FOLDER`` writes a tiny box regressor; ``--thesis`` the thesis' own:
VGG16 without its top, frozen, Flatten, Dense 128-64-64-4. ``--weights FILE.npz`` (our checkpoint's
tensors under torch's names) fills that; otherwise its weights are random.
"""

import argparse
import os
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf
import tf_keras
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2


def tiny_backbone(library):
    layers = library.layers
    return library.Sequential(
        [
            library.Input((32, 32, 3)),
            layers.Conv2D(8, 3, strides=2, padding="same", activation="relu"),
            # The two generations save other arguments of this layer.
            layers.DepthwiseConv2D(3, padding="same"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(4),
        ]
    )


def thesis_backbone(library):
    return library.applications.VGG16(include_top=False, weights=None, input_shape=(224, 224, 3))


def with_head(library, backbone):
    """The thesis' head on a frozen backbone."""
    layers = library.layers
    backbone.trainable = False
    values = layers.Flatten()(backbone.outputs[0])
    for units in (128, 64, 64):
        values = layers.Dense(units, activation="relu")(values)
    return library.Model(backbone.inputs[0], layers.Dense(4, activation="sigmoid")(values))


def fill(model, file):
    """Copy the tensors of torch: channels last, and so flattened in another order."""
    tensors = dict(np.load(file))
    kernels = [name for name in tensors if name.endswith(".weight")]
    layers = [layer for layer in model.layers if layer.weights]
    for name, layer in zip(kernels, layers, strict=True):
        kernel, bias = tensors[name], tensors[name.replace(".weight", ".bias")]
        if kernel.ndim == 4:
            kernel = kernel.transpose(2, 3, 1, 0)
        else:
            if kernel.shape[1] == 512 * 7 * 7:
                kernel = (
                    kernel.reshape(-1, 512, 7, 7).transpose(0, 2, 3, 1).reshape(len(kernel), -1)
                )
            kernel = kernel.T
        layer.set_weights([kernel, bias])


def save_all(folder, build, weights=None):
    folder.mkdir(parents=True, exist_ok=True)
    for library, name in ((keras, "keras3"), (tf_keras, "keras2")):
        library.utils.set_random_seed(7)
        model = with_head(library, build(library))
        if weights:
            fill(model, weights)
        model.save(folder / f"{name}.h5")
        model.save(folder / f"{name}.keras")
        save_graphs(library, model, folder, name)


def save_graphs(library, model, folder, name):
    """A SavedModel, and the same as one frozen graph."""
    if library is keras:
        model.export(str(folder / f"{name}_saved"), verbose=False)
    else:
        model.save(str(folder / f"{name}_saved"))
    shape = tf.TensorSpec(model.inputs[0].shape, tf.float32, name="photo")
    function = tf.function(lambda photo: model(photo, training=False)).get_concrete_function(shape)
    graph = convert_variables_to_constants_v2(function).graph.as_graph_def()
    (folder / f"{name}.pb").write_bytes(graph.SerializeToString())


def save_unusable(folder):
    """Models that the import must refuse."""
    layers, image = keras.layers, keras.Input((32, 32, 3))
    features = layers.Flatten()(image)
    keras.Model(image, layers.Dense(3)(features)).save(folder / "three_numbers.keras")
    other = keras.Input((2,))
    both = layers.Concatenate()([features, other])
    keras.Model([image, other], layers.Dense(4)(both)).save(folder / "two_inputs.keras")
    for library in (keras, tf_keras):
        make = library.layers
        model = library.Sequential(
            [
                library.Input((32, 32, 3)),
                make.Lambda(lambda x: x * 2),
                make.Flatten(),
                make.Dense(4),
            ]
        )
        model.save(folder / f"lambda_{library.__name__}.h5")
        model.save_weights(folder / f"{library.__name__}.weights.h5")
    model.save(folder / "lambda.keras")

    @keras.saving.register_keras_serializable("own")
    class Own(keras.layers.Layer):
        def call(self, values):
            return values

    keras.Model(image, layers.Dense(4)(Own()(features))).save(folder / "custom.keras")
    anywhere = keras.Input((None, None, 3))
    pooled = layers.GlobalAveragePooling2D()(anywhere)
    boxes = layers.Dense(4, activation="sigmoid")(pooled)
    keras.Model(anywhere, boxes).save(folder / "any_size.keras")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--thesis", action="store_true")
    parser.add_argument("--weights", type=Path)
    given = parser.parse_args()
    save_all(given.folder, thesis_backbone if given.thesis else tiny_backbone, given.weights)
    if not given.thesis:
        save_unusable(given.folder)
