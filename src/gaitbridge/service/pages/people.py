"""People, their templates and walks of nobody, in the words of the page. Everything comes from the documents of the HTTP interface."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from gaitbridge.service.pages.asking import part
from gaitbridge.service.pages.audit_lines import what
from gaitbridge.service.pages.recordings import SENSORS, seen
from gaitbridge.service.pages.rendering import plural

DONE = {"rename": "{before} was renamed to {after}", "merge": "{before} was taken for {after}", "move": "a walk of {before} was given to {after}",
        "drop": "a walk of {before} was dropped"}
LOOKED = "list"  # in the audit log
SHOWN = 4  # walks of a cluster that are shown at once


def listed(one: Mapping[str, Any]) -> dict[str, Any]:
    """A person as the list has them."""
    return {"name": one["person"], "also": one["also"], "templates": one["templates"], "sensors": _counted(one["by_sensor"]), "sites": one["sites"],
            "recorded": one["last_recorded"], "expired": one["expired"]}


def person(document: Mapping[str, Any], walkers: int) -> dict[str, Any]:
    """The values of the template person.html. walkers: of recordings that show this person."""
    name, templates = document["person"], document["templates"]
    looks = [line["time"] for line in document["history"] if line["command"] == LOOKED]
    return {"name": name, "also": document["also"], "count": len(templates), "groups": _groups(templates), "numbers": document["person_ids"],
            "goes": _goes(document, walkers),
            "history": [{"time": line["time"], "command": line["command"], "actor": line.get("actor", ""), "what": what(line)}
                        for line in reversed(document["history"]) if line["command"] != LOOKED],
            "looked": len(looks), "last_looked": max(looks, default=None),
            "changes": [dict(change) | {"words": DONE[change["what"]].format(**change)} for change in document["changes"]]}


def cluster(document: Mapping[str, Any]) -> dict[str, Any]:
    """Walks of nobody that may be one person's, with whom they are nearest to."""
    walks = [{"address": _pictures(walk), "recording": f"/recordings/{part(walk['job'])}#walk-{walk['track']}", "seen": seen(walk),
              "answered": walk["answered"], "expires": walk["expires"]} for walk in document["walks"]]
    near = dict.fromkeys(hit["person"] for walk in document["walks"] for hit in walk["hits"][:1])
    return {"id": document["id"], "anchor": f"unknown-{document['id']}", "walks": walks[:SHOWN], "further": walks[SHOWN:], "count": len(walks),
            "expires": min(walk["expires"] for walk in walks), "near": list(near)[:3],
            "sites": sorted({walk["site"] for walk in document["walks"] if walk["site"]})}


def _counted(by_sensor: Mapping[str, int]) -> list[str]:
    return [f"{SENSORS.get(sensor, sensor)} {count}" for sensor, count in by_sensor.items()]


def _groups(templates: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Templates by sensor and site."""
    def place(one: Mapping[str, Any]) -> tuple[str, str]:
        return one["sensor"], one["site"]

    made = []
    for (sensor, site), own in groupby(sorted(templates, key=lambda one: (*place(one), one["recorded"])), place):
        rows = [dict(one) | {"address": _pictures(one)} for one in own]
        words = f"{SENSORS.get(sensor, sensor)}{f', {site}' if site else ''}: {plural(len(rows), 'template')}"
        made.append({"words": words[0].upper() + words[1:], "templates": rows, "pictures": any(row["address"] for row in rows)})
    return made


def _pictures(one: Mapping[str, Any]) -> str:
    """Where the pictures of a walker are; empty where none are kept."""
    return f"/v1/jobs/{part(one['job'])}/tracks/{part(one['track'])}" if one["job"] else ""


def _goes(document: Mapping[str, Any], walkers: int) -> list[str]:
    """What goes with whoever is forgotten, in words."""
    also, lines = document["also"], [plural(len(document["templates"]), "template")]
    if also:
        lines.append(f"the {'names' if len(also) > 1 else 'name'} {', '.join(also)}, as that is the same person")
    lines.append(f"{plural(walkers, 'walker')} of recordings, with pictures and answers" if walkers else "no recording: none shows this person")
    lines.append("the name, wherever it stands in answers about others")
    if document["changes"]:
        lines.append(f"{plural(len(document['changes']), 'change')} that could have been undone")
    return lines
