"""GLN: features of three depths joined laterally."""
