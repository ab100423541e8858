"""Loads modules of the second household under names of their own.

Both households are written and read by the same machinery; only texts, people and questions differ. Its
modules import `people` and `questions_source` by name and so get the ones beside this file.
"""

import importlib.util
import pathlib
import sys

sys.dont_write_bytecode = True  # keeps the tree free of caches

SECOND = pathlib.Path(__file__).resolve().parent.parent / "second_household"


def load(name):
    specification = importlib.util.spec_from_file_location("second_household_" + name, SECOND / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module
