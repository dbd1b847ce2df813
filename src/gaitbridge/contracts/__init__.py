"""What plug-ins must keep to, as functions: the tests call them on what is built in, `gaitbridge plugins check` on one's own.

Each `check_...` returns nothing, and raises AssertionError in words where the contract is not kept.
"""
