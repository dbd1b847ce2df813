"""GaitSet: silhouettes as a set, pooled at three depths."""
