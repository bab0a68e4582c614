"""What the commands share: tables for people, and ports."""

import socket
import subprocess
import sys

import pytest
from typer.core import TyperGroup
from typer.main import get_group

from recsys_assets.cli.app import app
from recsys_assets.cli.shared import console, print_table
from recsys_assets.serving.address import ListenError
from recsys_assets_tests.conftest import Recsys


@pytest.mark.parametrize("text", [r"1,\[/b],2", r"\[red]9", "1:100:5", "[/]", "tail\\"])
def test_a_cell_shows_a_text_as_it_stands(text: str) -> None:
    with console.capture() as shown:
        print_table("lines", [{"raw": text}])
    assert f" {text} " in shown.get()


def test_a_version_is_written_as_a_command_takes_it() -> None:
    with console.capture() as shown:
        print_table("tables", [{"table": "files", "version": 1234, "rows": 5678}])
    assert " 1234 " in shown.get() and " 5,678 " in shown.get()


@pytest.mark.parametrize("control", ["\x1b]52;c;cm0K", "\x1b[2J", "\x9b2J", "\x00"])
def test_a_cell_makes_a_terminal_do_nothing(control: str) -> None:
    with console.capture() as shown:
        print_table("lines", [{"raw": f"1,{control},é"}])
    assert f"1,\ufffd{control[1:]},é" in shown.get()


def test_the_terminal_alone_breaks_the_lines_of_help() -> None:
    commands = get_group(app).commands
    groups = [c.commands for c in commands.values() if isinstance(c, TyperGroup)]
    helps = {n: c.help for part in (commands, *groups) for n, c in part.items()}
    assert {"evaluate", "health", "use"} < set(helps)
    broken = [name for name, text in helps.items() if "\n" in str(text).replace("\n\n", "")]
    assert broken == []


@pytest.mark.parametrize("command", ["serve", "ui", "mlflow"])
def test_a_port_that_is_in_use_is_named(recsys: Recsys, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refusal = recsys(command, "--port", port, code=1).exception
    assert isinstance(refusal, ListenError)
    assert f"127.0.0.1:{port}: Address already in use" in str(refusal)


def test_commands_load_no_compiler_before_they_need_it() -> None:
    asked = "import sys, recsys_assets.cli.app; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
