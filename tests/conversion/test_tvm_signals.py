"""What ends a tuning: TVM itself is not needed for it."""

import os
import signal

import pytest

from conversion.tvm.tune import _stoppable
from lightning_plates.terminal.console import Terminated


def stop_by(number):
    with _stoppable() as pressed:
        os.kill(os.getpid(), number)
        assert pressed.is_set()


def test_ctrl_c_and_sigterm_wait_for_the_batch_and_only_one_ends_the_command(capsys):
    stop_by(signal.SIGINT)
    with pytest.raises(Terminated):
        stop_by(signal.SIGTERM)
    assert capsys.readouterr().err.count("tuning stops after this batch") == 2
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
