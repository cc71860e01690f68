import logging
import sys

import pytest

from conversion.tools.output import hushed, show_tool_output, wants_tool_output


@pytest.fixture(autouse=True)
def quiet_again():
    yield
    logging.getLogger("conversion").setLevel(logging.NOTSET)


def test_what_a_tool_prints_is_dropped(capsys):
    with hushed():
        print("Statistics collection ━━━━ 100%")
        print("INFO:nncf:advice", file=sys.stderr)
    assert capsys.readouterr() == ("", "")
    assert not wants_tool_output()


def test_verbose_shows_it_on_standard_error(capsys):
    show_tool_output()
    with hushed():
        print("Statistics collection")
    assert capsys.readouterr() == ("", "Statistics collection\n")


def test_a_failure_inside_is_not_swallowed():
    with pytest.raises(RuntimeError, match="tool"), hushed():
        raise RuntimeError("tool")
