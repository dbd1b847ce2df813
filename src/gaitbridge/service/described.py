"""A page of the interface: each route with its parameters, body and answers, and each schema with its fields; from the OpenAPI document."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

METHODS = ("get", "post", "put", "patch", "delete")


@lru_cache(maxsize=1)
def _templates() -> Environment:
    return Environment(loader=PackageLoader("gaitbridge.service", "templates"), autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True)


def page(schema: Mapping[str, Any]) -> str:
    """The page, as HTML that needs neither script nor style of others."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in schema["paths"].items():
        for method in METHODS:
            if method in methods:
                groups.setdefault(next(iter(methods[method].get("tags", ["others"]))), []).append(_route(path, method, methods[method]))
    schemas = [{"name": name, "about": one.get("description", ""), "fields": _fields(one)}
               for name, one in sorted(schema.get("components", {}).get("schemas", {}).items())]  # fmt: skip
    return _templates().get_template("docs.html").render(title=schema["info"]["title"], version=schema["info"]["version"],
                                                         about=schema["info"].get("description", ""), groups=groups, schemas=schemas)


def _route(path: str, method: str, one: Mapping[str, Any]) -> dict[str, Any]:
    parameters = [{"name": each["name"], "place": each["in"], "type": _type(each.get("schema", {})), "needed": each.get("required", False),
                   "about": each.get("description", "")} for each in one.get("parameters", ())]  # fmt: skip
    body = one.get("requestBody", {})
    bodies = [{"media": media, "type": _type(each.get("schema", {})), "fields": _fields(each.get("schema", {}))}
              for media, each in body.get("content", {}).items()]  # fmt: skip
    answers = [{"status": status, "about": each.get("description", ""),
                "type": ", ".join(filter(None, (_type(held.get("schema", {})) for held in each.get("content", {}).values())))}
               for status, each in sorted(one.get("responses", {}).items())]  # fmt: skip
    return {"id": f"{method}-{path.strip('/').replace('/', '-')}", "method": method.upper(), "path": path, "about": one.get("description", ""),
            "parameters": parameters, "body": body.get("description", ""), "bodies": bodies, "answers": answers}


def _fields(schema: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"name": name, "type": _type(one), "about": one.get("description", "")} for name, one in schema.get("properties", {}).items()]


def _type(schema: Mapping[str, Any]) -> str:
    """A schema in words."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if some := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(filter(None, map(_type, some)))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {})) or 'anything'}"
    kind = str(schema.get("type", ""))
    bounds = [f"{sign} {schema[name]:g}" for name, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
              if name in schema]
    choices = ", ".join(map(str, schema.get("enum", ())))
    return " ".join(filter(None, (kind, ", ".join(bounds), choices and f"({choices})")))
