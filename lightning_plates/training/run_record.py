"""What was run, on which machine, and what it reached: the file that runs are compared by."""

from __future__ import annotations

import dataclasses
import os
import platform
from collections.abc import Mapping
from importlib import metadata
from typing import Any, Literal, TypeAlias

import msgspec
import torch
from pytorch_lightning import LightningDataModule, LightningModule

import lightning_plates
from lightning_plates.clock import processor_name
from lightning_plates.models.backbones import count_parameters
from lightning_plates.training.epoch_table import EpochTable

RunState: TypeAlias = Literal["finished", "interrupted", "diverged"]
PACKAGES = ("torch", "torchvision", "pytorch-lightning", "albumentations", "numpy")


def describe_run(
    module: LightningModule,
    data: LightningDataModule,
    table: EpochTable,
    metrics: Mapping[str, float],
    settings: Mapping[str, Any],
    state: RunState = "finished",
) -> str:
    """Describe a fit as JSON text.

    Args:
        module: The trained network.
        data: What it was trained on; its ``sets`` or ``divisions`` say how it was divided.
        table: One row an epoch.
        metrics: Of the best checkpoint on the validation side, without the side's name.
        settings: The run's whole configuration.
        state: How it ended.
    """
    sets = getattr(data, "sets", None)
    divisions = sets.divisions if sets else getattr(data, "divisions", ())
    record = {
        "version": 1,
        "state": state,
        "model": type(module).__name__,
        "name": getattr(getattr(module, "spec", None), "name", type(module).__name__),
        "weights": getattr(module, "weights_source", ""),
        "parameters": _parameters(module),
        "epochs": len(table.rows),
        "devices": table.devices,
        "batch_size": describe_batch(data, table.devices),
        "train_seconds": round(table.train_seconds, 2),
        "preparation_seconds": round(table.preparation_seconds, 2),
        "cpu_seconds": round(table.cpu_seconds, 2),
        "divisions": [dataclasses.asdict(one) for one in divisions],
        "photos": {side: len(photos) for side, photos in sets.sides.items()} if sets else {},
        "boxes_left_out": sets.boxes_left_out if sets else 0,
        "features_found": getattr(data, "features_found", None),
        "metrics": {name: round(value, 6) for name, value in metrics.items()},
        "machine": describe_machine(),
        "packages": {name: metadata.version(name) for name in PACKAGES},
        "lightning_plates": lightning_plates.__version__,
        "settings": settings,
    }
    return to_json(record)


def describe_batch(data: LightningDataModule, devices: int) -> dict[str, int]:
    """Photos a step, on each device and in all; nothing where the data module does not say."""
    size = getattr(data, "batch_size", None)
    return {} if size is None else {"each_device": size, "all_devices": size * devices}


def to_json(values: Mapping[str, Any]) -> str:
    """JSON text of ``values``; NaN and infinity, which JSON does not have, become ``null``."""
    return msgspec.json.format(msgspec.json.encode(values, enc_hook=str), indent=1).decode() + "\n"


def describe_machine() -> dict[str, Any]:
    """Processor, cores, accelerator and system, as far as they can be told."""
    accelerator = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return {
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "accelerator": accelerator,
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
    }


def _parameters(module: LightningModule) -> dict[str, int]:
    network = getattr(module, "network", module)
    parts = {name: count_parameters(part) for name, part in network.named_children()}
    return {"total": count_parameters(network), **parts}
