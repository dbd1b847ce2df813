"""The command that runs another in parts, elsewhere: launch."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from gaitbridge.cli._app import Many, app
from gaitbridge.cli._parts import place_and_base
from gaitbridge.cli.parts import parts as say_parts
from gaitbridge.errors import UserError

if TYPE_CHECKING:
    from gaitbridge.parts import Survey

RESULTS = ("out", "store", "files")  # how commands call what they make: embed has both and makes `out`, captures make the last of `files`


@app.command
def launch(*command: Annotated[str, Parameter(name="COMMAND", allow_leading_hyphen=True)], on: str, parts: Many | None = None,
           given: Annotated[list[str] | None, Parameter(name="--with", negative=())] = None, logs: Path | None = None) -> None:
    """Run a long command in parts: on this machine's processes, a SLURM cluster or a Ray cluster. Stopped, the same again does what is missing.

    Parameters
    ----------
    command
        The command with all that it takes, such as: simulate walks --train 100. One that takes --part, which is given it here.
    on
        processes:N, N at a time on this machine; slurm, an array of tasks, by submitit; or ray://HOST:PORT, a Ray cluster.
    parts
        In how many parts; with processes by default one for each. Each part starts the program anew: some seconds.
    given
        NAME=VALUE, an option of SLURM (partition, time in minutes, mem, cpus_per_task, account, array_parallelism and what else submitit takes) or of
        Ray's tasks (num_cpus, num_gpus, memory in bytes, max_retries); may be given several times.
    logs
        Folder of what the parts say, by default OUT.launch beside the result; gone when all went well.
    """
    from gaitbridge.launchers._launching import Launch, number_of_parts, read_options
    from gaitbridge.launchers._launching import launch as run

    count, options = number_of_parts(on, parts), read_options(given or [])
    out = _result(command, count)
    run(Launch(command, on, count, options, logs or out.with_name(f"{out.name}.launch"), lambda: _look(out)))
    say_parts(out, merge=True)


def _result(command: tuple[str, ...], count: int) -> Path:
    """What the command makes. What is wrong with the command shows here, before anything runs."""
    if "--part" in command:
        raise UserError("the command is given --part by `gaitbridge launch`: leave it out")
    asked, bound, _ = app.parse_args([*command, "--part", f"1/{count}"], exit_on_error=False, print_error=False)
    for name in RESULTS:
        found = bound.arguments.get(name)
        if isinstance(made := found[-1] if isinstance(found, tuple) and found else found, Path):
            return made
    raise UserError(f"{asked.__name__}: say where its result goes")


def _look(out: Path) -> "Survey | None":
    from gaitbridge.parts import survey

    found = place_and_base(out)
    return survey(*found) if found else None
