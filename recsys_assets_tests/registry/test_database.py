"""MLflow's database file where several processes begin on it at once."""

import subprocess
import sys
from contextlib import ExitStack

from recsys_assets.home import Home

BEGINS = """
import sys
from pathlib import Path
import mlflow
from recsys_assets.home import Home
print("ready", flush=True)
sys.stdin.readline()
print(Home(root=Path(sys.argv[1])).registry.has("als_model"))
"""


def test_processes_that_begin_on_a_new_database_at_once_all_get_it(home: Home) -> None:
    command = [sys.executable, "-W", "ignore", "-c", BEGINS, str(home.root)]
    with ExitStack() as stack:
        both = [
            stack.enter_context(
                subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(2)
        ]
        for process in both:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in both:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        said = [process.communicate() for process in both]
    assert [(out, err[-500:]) for out, err in said] == [("False\n", "")] * 2
    assert not home.registry.has("als_model")
