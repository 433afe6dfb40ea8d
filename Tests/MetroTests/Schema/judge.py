#!/usr/bin/python3
"""Whether metros fit a schema: judge.py SCHEMA < JSON list of metros, as text.

Prints a JSON list: for each what jsonschema says against it, "" where it fits.
"""

import json, sys, warnings, yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

class Loader(yaml.SafeLoader):
    """What an editor takes a file for: no dates, and all keys are texts."""

    def construct_mapping(self, node, deep=False):
        return {key.value: self.construct_object(value, True) for key, value in node.value}

Loader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:merge")]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_constructor("tag:yaml.org,2002:map", lambda loader, node: loader.construct_mapping(node))

with open(sys.argv[1]) as file:
    schema = json.load(file)
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)

def against(text):
    try:
        value = yaml.load(text, Loader)
    except yaml.YAMLError as error:
        return f"no YAML: {error}"
    mistake = best_match(validator.iter_errors(value))
    return "" if mistake is None else f"{mistake.json_path}: {mistake.message}"

print(json.dumps([against(text) for text in json.load(sys.stdin)]))
