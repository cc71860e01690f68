"""What ends a tuning: TVM itself is not needed for it."""

import contextlib
import os
import signal

import pytest

from conversion._tvm_tune import _stoppable
from lightning_plates.console import Terminated


def test_ctrl_c_and_sigterm_wait_for_the_batch_and_only_one_ends_the_command(capsys):
    with _stoppable() as pressed:
        os.kill(os.getpid(), signal.SIGINT)
        assert pressed.is_set()
    with contextlib.ExitStack() as stack:
        stack.enter_context(pytest.raises(Terminated))
        pressed = stack.enter_context(_stoppable())
        os.kill(os.getpid(), signal.SIGTERM)
        assert pressed.is_set()
    assert capsys.readouterr().err.count("tuning stops after this batch") == 2
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
