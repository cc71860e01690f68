"""What ``fit``, ``validate`` and ``test`` share: parsing, the Trainer and one-line errors."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentError, Namespace
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning import Callback, LightningDataModule, LightningModule, Trainer
from pytorch_lightning.callbacks import RichProgressBar
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI
from pytorch_lightning.loggers import Logger
from pytorch_lightning.strategies.launchers import _MultiProcessingLauncher
from pytorch_lightning.utilities import rank_zero_only

from lightning_plates.cli._settings import check_files, explain, name_configs
from lightning_plates.errors import ConfigError, InputError, PlatesError
from lightning_plates.models.checkpoint import SpecModule
from lightning_plates.training.quiet import quiet_lightning
from lightning_plates.training.run_folder import SafeCheckpointIO

TRAINER_DEFAULTS: dict[str, Any] = {
    "max_epochs": 17,  # the thesis'
    "num_sanity_val_steps": 0,  # the first epoch ends soon enough
    "enable_model_summary": False,  # fit prints one line instead
}
NOT_SETTINGS = ("config", "run", "resume", "checkpoint")
"""Arguments that say what to do with a run, not how it trains."""
MAX_SEED = 1 << 32
"""NumPy's."""
DATA_CLASS = "lightning_plates.data.datamodule.PlateDataModule"


class PlatesCLI(LightningCLI):
    """Any network and data module of this project, by ``class_path``, without subcommands.

    Args:
        command: Name of the command, for its help.
        argv: Words of the command line after it.
    """

    def __init__(self, command: str, argv: list[str]) -> None:
        argv = name_configs(argv)
        self._argv = argv
        self._configs = check_files(argv)
        super().__init__(
            SpecModule,
            LightningDataModule,
            save_config_callback=None,
            trainer_defaults=TRAINER_DEFAULTS,
            seed_everything_default=0,
            parser_kwargs={
                "prog": f"python -m lightning_plates {command}",
                "exit_on_error": False,
                "description": sys.modules[type(self).__module__].__doc__,
            },
            subclass_mode_model=True,
            subclass_mode_data=True,
            args=argv,
            run=False,
            auto_configure_optimizers=False,
            load_from_checkpoint_support=False,
        )

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:  # noqa: ANN401 -- Lightning's type
        """Parse without Lightning's warning that the program has arguments of its own."""
        parser.set_defaults({"data": {"class_path": DATA_CLASS}})
        try:
            self.config = parser.parse_args(args)
        except ArgumentError as error:
            raise ConfigError(self._explain(error)) from error
        except (ValueError, OverflowError, RecursionError) as error:
            raise ConfigError(f"a setting cannot be read ({error})") from error
        seed = self.config.seed_everything
        if not isinstance(seed, bool) and seed is not None and not 0 <= seed < MAX_SEED:
            raise ConfigError(f"--seed_everything: expected 0 to {MAX_SEED - 1}, got {seed}")

    def _explain(self, error: Exception) -> str:
        return explain(str(error), self._configs, self._argv)

    def instantiate_classes(self) -> None:
        """Build network and data module; why one of them refuses is not buried by the parser.

        Raises:
            InputError: A photo set is not there; said before weights are read or downloaded.
            ConfigError: A setting cannot be used.
        """
        _require_photos(self.config.data)
        refusals: list[PlatesError] = []

        def build(cls: type[Any], *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- any class
            kwargs.pop("applied_instantiation_links", None)
            try:
                return cls(*args, **kwargs)
            except PlatesError as error:
                refusals.append(error)
                raise

        for base in (LightningModule, LightningDataModule):
            self.parser.add_instantiator(build, base, subclasses=True)
        try:
            super().instantiate_classes()
        except (ValueError, PlatesError) as error:
            raise (refusals[0] if refusals else ConfigError(self._explain(error))) from error

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:  # noqa: ANN401 -- Trainer's arguments
        """The commands make their own Trainers; see :meth:`make_trainer`."""
        return Trainer(logger=False, enable_checkpointing=False, barebones=True)

    def make_trainer(
        self, root: Path, callbacks: list[Callback], logger: Logger | bool = False
    ) -> Trainer:
        """A Trainer with the settings of the configuration.

        Args:
            root: Folder of what it writes.
            callbacks: Beside those that the configuration names for a fit.
            logger: Where values go, unless the configuration says so.

        Raises:
            ConfigError: This machine cannot do what the configuration asks for.
        """
        settings = {**self.config_init["trainer"]}
        bars = [RichProgressBar()] if is_interactive() else []
        settings["callbacks"] = [OwnSigterm(), *callbacks, *bars]
        settings["plugins"] = [SafeCheckpointIO(), *(settings.get("plugins") or [])]
        settings["default_root_dir"] = str(root)
        settings["logger"] = logger if logger is False else settings.get("logger") or logger
        settings["enable_progress_bar"] = is_interactive()
        if settings.get("accumulate_grad_batches", 1) < 1:
            raise ConfigError("--trainer.accumulate_grad_batches: expected at least 1")
        try:
            trainer = Trainer(**settings)
        except (MisconfigurationException, ValueError, TypeError) as error:
            raise ConfigError(f"trainer: {error}") from error
        if isinstance(trainer.strategy.launcher, _MultiProcessingLauncher):
            raise ConfigError(
                f"--trainer.strategy {settings['strategy']}: its processes give back no table of "
                "the epochs; give ddp, which computes the same"
            )
        return trainer

    def settings(self) -> dict[str, Any]:
        """The whole configuration as plain values, to be saved and repeated."""
        text = self.parser.dump(self.config, skip_none=False, skip_validation=True)
        settings: dict[str, Any] = yaml.safe_load(text)
        return {name: value for name, value in settings.items() if name not in NOT_SETTINGS}


def is_main_process() -> bool:
    """Whether this process is the one that reports; each further device has one of its own."""
    rank: int = rank_zero_only.rank  # type: ignore[attr-defined]  # Lightning sets it when imported
    return rank == 0


def is_interactive() -> bool:
    """Whether a person watches; otherwise plain lines are printed."""
    return sys.stdout.isatty()


@contextlib.contextmanager
def readable_errors() -> Iterator[None]:
    """Turn what Lightning, jsonargparse and worker processes raise into errors of one line.

    Raises:
        ConfigError: A setting is unknown, of the wrong type or cannot be used.
        KeyboardInterrupt: Lightning ended the program after Ctrl-C.
    """
    quiet_lightning()
    try:
        with interruptions_raised():
            yield
    except MisconfigurationException as error:
        raise ConfigError(str(error)) from error
    except PlatesError as error:
        text = str(error).rstrip()
        if "DataLoader worker process" not in text:
            raise
        # torch wraps a worker's error in its traceback; the last line is what it said.
        raise type(error)(text.rpartition("\n")[2].partition(": ")[2]) from error


@contextlib.contextmanager
def interruptions_raised() -> Iterator[None]:
    """Give Ctrl-C and SIGTERM on to the caller, where Lightning would end the program.

    Raises:
        KeyboardInterrupt: Or what is derived from it: Lightning ended the program after it.
    """
    try:
        yield
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise type(error.__context__) from error
        raise


def _require_photos(data: Namespace | None) -> None:
    """See that the sets of a data module are there."""
    arguments = data.init_args if data and data.get("init_args") else {}
    given = arguments.get("path") or []
    paths = [given] if isinstance(given, str) else [*given]
    paths += [source.path for source in arguments.get("sources") or []]
    for path in paths:
        if "\0" in str(path) or not Path(path).exists():
            raise InputError(f"{str(path)!r}: no such photo set; name a folder or label file")


class OwnSigterm(Callback):
    """Keeps what SIGTERM does: Lightning would end the program with status 0 and no word.

    It also would talk to the other processes amid a step, which may wait for something else.
    """

    def __init__(self) -> None:
        self._handler = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Undo what Lightning has set just before."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._handler)

    on_validation_start = on_test_start = on_train_start
