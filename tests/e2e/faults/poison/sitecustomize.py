"""Python runs this first where it finds it: a defect of ours that only one reader meets (F-38)."""

import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder

WIRES = "pipeline.delivery.batch.wires"


class Poison(MetaPathFinder):
    """Lets the module that makes messages fail for `poison@…`."""

    def find_spec(self, name, path=None, target=None):
        if name != WIRES:
            return None
        spec = PathFinder.find_spec(name, path, target)
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            make = module.envelope

            def envelope(*given, **named):
                if any(getattr(one, "email", "").startswith("poison@") for one in given):
                    raise ZeroDivisionError("poison")
                return make(*given, **named)

            module.envelope = envelope

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, Poison())
