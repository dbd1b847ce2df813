"""Who is enrolled, a page at a time: a line a person, those taken for one person together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gaitbridge.errors import UserError
from gaitbridge.gallery.templates import Template
from gaitbridge.names import canonical

MOST = 500  # on a page


@dataclass(frozen=True)
class Listed:
    """One person. also: further names, who are linked; templates: how many of each sensor; expired: those that match nothing any more.

    first_enrolled_s, last_recorded_s, first_expiry_s: seconds since 1970, of all their templates.
    """

    person: str
    also: tuple[str, ...]
    templates: dict[str, int]
    sites: tuple[str, ...]
    first_enrolled_s: float
    last_recorded_s: float
    first_expiry_s: float
    expired: int


@dataclass(frozen=True)
class Page:
    """Some people in the order of their names; how many match in all, and what to ask the next page with, None at the end."""

    people: list[Listed]
    total: int
    after: str | None


def page_of(templates: Iterable[Template], groups: Sequence[Sequence[str]], now: float, text: str = "", sensor: str = "", site: str = "",
            after: str = "", count: int = 50) -> Page:
    """A page of the people of templates, which are by the names that answers give. groups: people who are taken for one (`links.Links.groups`).

    text: in one of the names, in whatever case; sensor, site: one template at least is of it; after: the last name of the page before. UserError
    where so many cannot be on a page.
    """
    if not 1 <= count <= MOST:
        raise UserError(f"{count} people are no page: ask for 1 to {MOST}")
    also = {names[0]: tuple(names[1:]) for names in groups}
    rows: dict[str, list[Template]] = {}
    for one in templates:
        rows.setdefault(one.person, []).append(one)
    wanted, site = canonical(text).casefold(), canonical(site)
    names = sorted((name for name, own in rows.items() if _fits(name, own, also, wanted, sensor, site)), key=_place)
    left = [name for name in names if not after or _place(name) > _place(canonical(after))]
    shown = left[:count]
    return Page([_listed(name, rows[name], also, now) for name in shown], len(names), shown[-1] if len(left) > count else None)


def _place(name: str) -> tuple[str, str]:
    return name.casefold(), name


def _fits(name: str, rows: Sequence[Template], also: Mapping[str, tuple[str, ...]], text: str, sensor: str, site: str) -> bool:
    if text and not any(text in one.casefold() for one in (name, *also.get(name, ()))):
        return False
    return any((not sensor or row.sensor == sensor) and (not site or row.site == site) for row in rows)


def _listed(name: str, rows: Sequence[Template], also: Mapping[str, tuple[str, ...]], now: float) -> Listed:
    sensors = sorted({row.sensor for row in rows})
    return Listed(name, also.get(name, ()), {sensor: sum(row.sensor == sensor for row in rows) for sensor in sensors},
                  tuple(sorted({row.site for row in rows} - {""})), min(row.enrolled_s for row in rows), max(row.recorded_s for row in rows),
                  min(row.expires_s for row in rows), sum(row.expires_s <= now for row in rows))
