"""`python -m gaitbridge`, which `torchrun -m gaitbridge` needs."""

from gaitbridge.cli import entry

entry()
