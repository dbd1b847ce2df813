"""A benchmark's definition as text."""

from gaitbridge.simulation.benchmarks import Benchmark


def card_of(benchmark: Benchmark) -> str:
    """All settings, subsets and hashes of a benchmark, a line each."""
    lines = [f"{benchmark.title}: {benchmark.about}", "", "Settings (docs/simulation.md says what they mean)"]
    for name, value in benchmark.config.model_dump(mode="json").items():
        lines.append(f"  {name:22} {_plain(value)}")
    for name, people in benchmark.subsets.items():
        lines.append(f"  subset {name:15} {_plain(dict(people))}")
    lines += ["", "Content hashes"]
    lines += [f"  {variant:40} {content}" for variant, content in benchmark.hashes.items()] or ["  none yet: this version is not frozen"]
    made_with = ", ".join(f"{package} {wanted}" for package, wanted in benchmark.made_with.items())
    made = f"Made with {made_with}. " if made_with else ""
    lines += ["", f"{made}What it can and cannot stand for: docs/benchmark.md."]
    return "\n".join(lines)


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {inner}" for key, inner in value.items()) or "-"
    if isinstance(value, list):
        return " ".join("|".join(map(str, inner)) if isinstance(inner, list) else str(inner) for inner in value) or "-"
    return str(value)
