"""Where the parts of a long command run: a file a launcher, each a few lines about an engine that exists. None of them plans, queues or retries.

| `--on` | file | whose engine |
|---|---|---|
| `processes:N` | processes.py | this machine's processes, N at a time |
| `slurm` | slurm.py | one SLURM array, submitted by submitit; with `--with cluster=local` submitit's emulator on this machine |
| `ray://HOST:PORT` | ray.py | a Ray cluster: one task a part |

Each has `launch(errands, place, options)`: the parts as they end, one after another; closed early, it ends those that run. What they share, the part
as a process of its own, is in `_errands`; what is done around them, whichever it is, in `_launching`.
"""
