"""Keeps Lightning's advice off the console where the project has already decided."""

from __future__ import annotations

import logging
import os
import warnings

_DECIDED = (
    # Where the network needs all cores, more decoding processes slow it down; GPUs set `workers`.
    r".*does not have many workers.*",
    # A feature cache is read from memory; there is nothing to parallelise.
    r".*Consider increasing the value of the `num_workers` argument.*",
    # Epoch values are logged, not steps.
    r".*number of training batches .* is smaller than the logging interval.*",
    # A resumed run writes into its own folder.
    r".*Checkpoint directory .* exists and is not empty.*",
    # A frozen backbone stays in evaluation mode; that is what frozen means.
    r".*module\(s\) in eval mode at the start of training.*",
    # Deprecations inside of Lightning and torch that a user cannot act on.
    r".*`isinstance\(treespec, LeafSpec\)` is deprecated.*",
    r".*treespec, LeafSpec.*",
)


def quiet_lightning() -> None:
    """Silence messages that a newcomer would have to look up, and nothing else."""
    # Lightning calls methods of jsonargparse that go away in its version 5.
    os.environ.setdefault("JSONARGPARSE_DEPRECATION_WARNINGS", "off")
    for name in ("pytorch_lightning", "lightning_fabric", "lightning.pytorch"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for pattern in _DECIDED:
        warnings.filterwarnings("ignore", message=pattern)
