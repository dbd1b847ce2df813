"""Commands that put a gallery right by hand: gallery links, link, unlink, rename, merge, move, drop, changes, undo."""


from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from gaitbridge.cli._app import say
from gaitbridge.cli.gallery import gallery

if TYPE_CHECKING:
    from gaitbridge.gallery.undo import Change


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


@gallery.command
def rename(place: Annotated[str, Parameter(name="GALLERY")], person: str, name: str) -> None:
    """Call a person by another name; `undo` undoes it.

    Parameters
    ----------
    place
        The gallery.
    person
        Who is to be renamed.
    name
        The new name, nobody's yet.
    """
    from gaitbridge.gallery.gallery import Gallery

    _told(place, Gallery(place).rename_person(person, name))


@gallery.command
def merge(place: Annotated[str, Parameter(name="GALLERY")], person: str, other: str) -> None:
    """Take another for the same person, as `link` does; `undo` undoes it.

    Parameters
    ----------
    place
        The gallery.
    person
        Who keeps the name.
    other
        Who is the same person.
    """
    from gaitbridge.gallery.gallery import Gallery

    _told(place, Gallery(place).merge(person, other))


@gallery.command
def move(place: Annotated[str, Parameter(name="GALLERY")], person: str, template: str, to: str) -> None:
    """Give a template to another person: it is that one's walk; `undo` undoes it.

    Parameters
    ----------
    place
        The gallery.
    person
        Whose it is by mistake.
    template
        Its id, as `gallery list GALLERY PERSON` has it.
    to
        Whose walk it is, who need not be enrolled yet.
    """
    from gaitbridge.gallery.gallery import Gallery

    _told(place, Gallery(place).move(template, person, to))


@gallery.command
def drop(place: Annotated[str, Parameter(name="GALLERY")], person: str, template: str) -> None:
    """Take a template out, as nobody knows whose walk it is; `undo` undoes it.

    Parameters
    ----------
    place
        The gallery.
    person
        Whose it is by mistake.
    template
        Its id, as `gallery list GALLERY PERSON` has it.
    """
    from gaitbridge.gallery.gallery import Gallery

    _told(place, Gallery(place).drop(template, person))


@gallery.command
def changes(place: Annotated[str, Parameter(name="GALLERY")], person: str = "", *, json: bool = False) -> None:
    """Print what can be undone, the newest first.

    Parameters
    ----------
    place
        The gallery.
    person
        Of this person only.
    json
        Print JSON, a line a change.
    """
    from gaitbridge.gallery.gallery import Gallery
    from gaitbridge.gallery.templates import in_words
    from gaitbridge.printing import say_json

    found = Gallery(place).changes(person)
    for one in found:
        if json:
            say_json({"undo": one.id, "what": one.what, "before": one.before, "after": one.after,
                      "template": one.template.id if one.template else None, "by": one.by, "time_s": one.time_s, "until_s": one.until_s})
        else:
            say(f"{one.id}  {_in_words(one)}, by {one.by}, {in_words(one.time_s)}; can be undone until {in_words(one.until_s)}")
    if not found and not json:
        say(f"{place}: nothing can be undone")


@gallery.command
def undo(place: Annotated[str, Parameter(name="GALLERY")], change: str) -> None:
    """Undo a change; refused where something that came later stands in the way.

    Parameters
    ----------
    place
        The gallery.
    change
        Its id, as `gallery changes` has it.
    """
    from gaitbridge.gallery.gallery import Gallery

    say(f"{place}: undone: {_in_words(Gallery(place).undo(change))}")


def _told(place: str, change: "Change") -> None:
    say(f"{place}: {_in_words(change)}; undo it with `gaitbridge gallery undo {place} {change.id}`")


def _in_words(change: "Change") -> str:
    template = change.template.id if change.template else ""
    return {"rename": f"{change.before} is called {change.after}", "merge": f"{change.after} is also {change.before}",
            "move": f"template {template} of {change.before} is {change.after}'s",
            "drop": f"template {template} of {change.before} is dropped"}[change.what]
