"""Recordings, their walkers and the answers, in the words of the page. Everything comes from the documents of the HTTP interface."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gaitbridge.service.pages.asking import part
from gaitbridge.service.pages.rendering import plural, rate, shared
from gaitbridge.walks.quality import WORDS

KINDS = {"film": "Film", "scans": "LiDAR scans", "arrays": "Sequences"}
LOOKS = {"done": "right", "failed": "wrong", "working": "doubt", "named": "right", "undecided": "doubt", "unfit": "doubt"}
SENSORS = {"camera": "camera", "lidar": "LiDAR"}
POOR = 0.4  # a part of a walk's quality, of which the page says what it means
OUTCOMES = {"named": "Named", "nobody": "Nobody enrolled", "undecided": "Not decided", "unfit": "Not good enough"}


def recording(job: Mapping[str, Any]) -> dict[str, Any]:
    """A job as the list and its own page say it."""
    return {"id": job["id"], "title": f"{KINDS.get(job['kind'], job['kind'])}, {size(job['bytes'])}", "received": job["received"],
            "caller": job["caller"], "state": job["state"], "look": LOOKS.get(job["state"], ""), "found": found(job), "problem": job["problem"],
            "running": job["state"] in ("waiting", "working"), "site": job["options"].get("site") or ""}


def found(job: Mapping[str, Any]) -> str:
    """What came of it: 3 walkers: 2 named, 1 nobody."""
    if job["problem"]:
        return str(job["problem"])
    summary = job["summary"]
    if not summary:
        return ""
    parts = [f"{summary[outcome]} {word}" for outcome, word in (("named", "named"), ("nobody", "nobody enrolled"), ("undecided", "not decided"),
                                                                  ("unfit", "not good enough")) if summary.get(outcome)]
    return plural(summary["walkers"], "walker") + (f": {', '.join(parts)}" if parts else "")


def left_out(job: Mapping[str, Any]) -> list[str]:
    """What was seen and not judged: why, and how often."""
    summary = job["summary"] or {}
    what = str(summary.get("left_out_of") or "walks")
    return [f"{reason.replace('_', ' ')}: {count:,} {what}" for reason, count in (summary.get("left_out") or {}).items()]


def walker(job: str, track: Mapping[str, Any], sources: Mapping[str, tuple[str, str]] | None = None, enrolled: str = "") -> dict[str, Any]:
    """A walker of a recording: pictures, the answer and why, whom they are like. sources: of templates, the job and track they were made of;
    enrolled: as whom this walker is."""
    address = f"/v1/jobs/{part(job)}/tracks/{part(track['id'])}"
    name = track["decision"] or OUTCOMES[track["outcome"]]
    hits = [_hit(hit, track["decision"], (sources or {}).get(hit["template_id"])) for hit in track["hits"]]
    return {"anchor": f"walk-{track['id']}", "track": track["id"], "address": address if track["picture"] else "", "name": name,
            "decision": track["decision"], "outcome": OUTCOMES[track["outcome"]], "look": LOOKS.get(track["outcome"], ""), "seen": seen(track),
            "quality": quality(track["quality"]), "because": because(track), "warnings": track["warnings"], "hits": hits,
            "provenance": track.get("provenance", ""), "enrolled": enrolled, "may_enrol": track["outcome"] != "unfit" and not enrolled,
            "suggestion": track["decision"] or (hits[0]["person"] if hits and track["outcome"] == "undecided" else "")}


def because(track: Mapping[str, Any]) -> str:
    """Why that is the answer."""
    if track["problem"]:
        return str(track["problem"])
    people = plural(track["people"], "person", "people") + " enrolled"
    if track["outcome"] == "nobody":
        return (f"Nobody is near enough for a rate of {rate(track['reject'])}: so often at most would somebody who is not enrolled be given a name, "
                f"among {people}.")
    said = "at most " if track.get("rate_is_bound") else ""
    interval = f" (95 % interval {rate(track['rate_low'])} to {rate(track['rate_high'])})" if track.get("rate_low") is not None else ""
    beyond = " That is carried beyond the galleries that were measured." if track.get("extrapolated") else ""
    return (f"So near comes somebody who is not enrolled in {said}{rate(track['rate'])} of searches{interval}, among {people}; asked for was "
            f"{rate(track['reject'])}.{beyond}")


def quality(found: Mapping[str, Any] | None) -> str:
    """The score of a walk, and what its weakest part means where that is poor."""
    if not found or found.get("score") is None:
        return "not judged"
    parts = {name: found[name] for name in WORDS if name != "frames" and found.get(name) is not None}
    weakest = min(parts, key=lambda name: float(parts[name]), default="")
    poor = f": {WORDS[weakest]}" if weakest and parts[weakest] < POOR else ""
    return f"{found['score']:.2f} of 1{poor}"


def size(count: int) -> str:
    """Bytes as people say them."""
    for unit, each in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= each:
            return f"{count / each:.3g} {unit}"
    return f"{count} bytes"


def _hit(hit: Mapping[str, Any], decision: str | None, source: tuple[str, str] | None) -> dict[str, Any]:
    where = ", ".join(word for word in (SENSORS.get(hit["sensor"], hit["sensor"]), hit["site"]) if word)
    near = f"strangers come so near in {rate(hit['rate'])}" if hit.get("rate") is not None else ""
    return {"person": hit["person"], "chosen": hit["person"] == decision, "where": where, "recorded": hit["recorded"], "template": hit["template"],
            "near": near, "distance": f"distance {shared(hit['distance'])}",
            "address": f"/v1/jobs/{part(source[0])}/tracks/{part(source[1])}" if source else ""}


def seen(track: Mapping[str, Any]) -> str:
    """When in the recording, and where."""
    start, end = track["start_s"], track["end_s"]
    sensor = SENSORS.get(track.get("sensor") or "", "")
    said = [f"{_minutes(start)} to {_minutes(end)}"] if end > start else []
    if track.get("start"):
        said.append(f"{datetime.fromisoformat(track['start']):%Y-%m-%d %H:%M:%S} UTC")
    return ", ".join([*said, *(word for word in (track.get("site"), sensor) if word)])


def _minutes(seconds: float) -> str:
    return f"{int(seconds // 60)}:{seconds % 60:04.1f}"
