"""A run folder as training and evaluation write it, around the blobs of fake_store."""

import json
from pathlib import Path

import numpy as np
from fake_store import knowing_embeddings

from gaitbridge.evaluation.embedding.from_store import write_embeddings
from gaitbridge.evaluation.scoring.rows import write_evaluation
from gaitbridge.store import Store


def make_run(run: Path, store: Store, steps: int = 40) -> Path:
    """Every file of the contract, with plausible content."""
    evaluation = run / "evaluation"
    for modality in ("silhouettes", "range_views"):
        write_embeddings(knowing_embeddings(store, modality, 1.6), evaluation / f"{modality}.npz", {"data_hash": store.content_hash})
    write_evaluation(evaluation, store, "simulated", 0, evaluation)
    t = list(range(10, 100, 10))
    rising = np.linspace(0.3, 0.8, 9)
    gaps = {
        name: {"gap": (k * rising).tolist(), "between_people": [k] * 9, "relative": rising.tolist()}
        for k, name in enumerate(("recovered", "noise", "bottleneck"), 1)
    }
    (evaluation / "trajectory.json").write_text(json.dumps({"t": t, "gaps": gaps, "pairs": 32, "note": "a test"}))
    (run / "config.json").write_text(json.dumps({"method": "diffcrossgait", "training": {"steps": steps, "peak": 3e-4}}))
    about = {
        "command": "gaitbridge train",
        "code_version": "0.1.0",
        "commit": "abc123",
        "hardware": {"cpu": "a cpu", "cores": 2, "gpu": None},
        "seconds": 12.5,
    }
    (run / "provenance.json").write_text(json.dumps(about))
    lines = []
    for step in range(1, steps + 1):
        losses = {"cross_entropy": 5 / step, "triplet": 1 / step}
        lines.append(
            {"kind": "train", "step": step, "losses": losses, "total": 6 / step, "learning_rate": 1e-3, "sequences_per_s": 100.0, "seconds": step}
        )
        if step % 10 == 0:
            lines.append({"kind": "validation", "step": step, "metrics": {"rank-1 camera-lidar": step / 100}})
    (run / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return run
