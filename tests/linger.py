"""Runs a module as ``python -m`` does, then waits for what libraries do behind the back.

``python tests/linger.py SECONDS MODULE [WORD …]``. ONNX Runtime connects ten seconds after it was
imported, so that a command which has ended by then would show nothing.
"""

import runpy
import sys
import time


def main() -> int | str | None:
    seconds, module = float(sys.argv[1]), sys.argv[2]
    del sys.path[0], sys.argv[:2]  # this folder; our own words
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        return ended.code
    finally:
        time.sleep(seconds)
    return 0


if __name__ == "__main__":  # worker processes import this file again
    sys.exit(main())
