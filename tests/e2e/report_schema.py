"""Reports in JSON beside their JSON Schemas, docs/NAME.schema.json."""

import functools
import json

import jsonschema


@functools.cache
def schema_of(name):
    with open("docs/%s.schema.json" % name, encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    return schema


def errors_of(name, report):
    """Where the report is not as its schema says."""
    return ["%s: %s" % ("/".join(map(str, error.absolute_path)), error.message[:200])
            for error in jsonschema.Draft202012Validator(schema_of(name)).iter_errors(report)]


def check_report(name, report):
    errors = errors_of(name, report)
    assert errors == [], errors[:5]


def check_described(name):
    """Every field says what it is, also one whose type stands elsewhere."""
    silent = []

    def walk(node, place):
        if isinstance(node, list):
            for child in node:
                walk(child, place)
        if not isinstance(node, dict):
            return
        for field, about in node.get("properties", {}).items():
            if place != "if" and "description" not in about:
                silent.append("%s.%s" % (place, field))
        for field, child in node.items():
            walk(child, field)

    walk(schema_of(name), "report")
    assert silent == [], silent
