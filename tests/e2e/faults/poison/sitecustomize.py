"""Python runs this first where it finds it: defects of ours that only one reader meets (F-38)."""

import os
import signal
import sys
import threading
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder

WIRES = "pipeline.delivery.batch.wires"


class Poison(MetaPathFinder):
    """Making a message fails for `poison@…`, kills the process for `deadly@…`, and never ends for `endless@…`."""

    def find_spec(self, name, path=None, target=None):
        if name != WIRES:
            return None
        spec = PathFinder.find_spec(name, path, target)
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            make = module.envelope

            def envelope(*given, **named):
                email = next((one.email for one in given if hasattr(one, "email")), "")
                if email.startswith("poison@"):
                    raise ZeroDivisionError("poison")
                if email.startswith("deadly@"):
                    os.kill(os.getpid(), signal.SIGKILL)
                if email.startswith("endless@"):
                    threading.Event().wait()
                return make(*given, **named)

            module.envelope = envelope

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, Poison())
