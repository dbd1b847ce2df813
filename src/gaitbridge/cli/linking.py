"""Commands for people who are one: gallery links, link, unlink."""


from typing import Annotated

from cyclopts import Parameter

from gaitbridge.cli._app import say
from gaitbridge.cli.gallery import gallery


@gallery.command
def links(place: Annotated[str, Parameter(name="GALLERY")], *, rate: float | None = None, any_site: bool = False, json: bool = False) -> None:
    """Print who is linked, and propose who may be one person: by how they walk, at one site, never seen at one time. Changes nothing.

    Parameters
    ----------
    place
        The gallery.
    rate
        Propose those whom a stranger comes as near as so often at most; a calibrated false-match rate, by default the strictest.
    any_site
        Propose people of different sites, too.
    json
        Print JSON.
    """
    from dataclasses import asdict

    from gaitbridge.gallery.gallery import Gallery
    from gaitbridge.printing import say_json
    from gaitbridge.progress import progress

    opened = Gallery(place)
    linked = opened.links()
    with progress("links", "directions") as show:
        found = opened.proposals(rate, any_site, show)
    if json:
        say_json({"links": linked, "proposals": [asdict(one) for one in found.found], "pairs": found.pairs, "rate": found.rate,
                  "by_chance": found.by_chance}, indent=1)
        return
    for first, *others in linked:
        say(f"linked: {first} is also {', '.join(others)}")
    for one in found.found:
        say(f"proposed: {one.person} is {one.other}? distance {one.distance:.4f} ({one.sensors[0]} and {one.sensors[1]}, {one.walks[0]} and "
            f"{one.walks[1]} walks{f', both at {one.site}' if one.site else ''}), false-match rate {'< ' if one.below else ''}{one.rate:.2g}")
    among = f"of {found.pairs} pairs compared at a false-match rate of {found.rate:g}"
    say(f"{len(found.found)} proposed {among}: up to {found.by_chance:.1f} would be by chance; accept one with `gaitbridge gallery link {place} "
        "PERSON OTHER`" if found.found else f"nobody to propose, {among}")


@gallery.command
def link(place: Annotated[str, Parameter(name="GALLERY")], person: str, other: str) -> None:
    """Take another for the same person: answers give both the name of the first. Templates stay as they are; `unlink` undoes it.

    Parameters
    ----------
    place
        The gallery.
    person
        Who keeps the name.
    other
        Who is the same person, such as a track of a recording.
    """
    from gaitbridge.gallery.gallery import Gallery

    opened = Gallery(place)
    opened.link(person, other)
    names = next(names for names in opened.links() if other in names)
    say(f"{place}: {names[0]} is also {', '.join(names[1:])}; undo it with `gaitbridge gallery unlink {place} {other}`")


@gallery.command
def unlink(place: Annotated[str, Parameter(name="GALLERY")], person: str) -> None:
    """Take somebody who was linked for a person of their own again, as they were before.

    Parameters
    ----------
    place
        The gallery.
    person
        Who was linked with another.
    """
    from gaitbridge.gallery.gallery import Gallery

    other = Gallery(place).unlink(person)
    say(f"{place}: {person} and {other} are two people again")
