"""Holds each line of standard input, a JSON document, against the schema: prints what is wrong, nothing where all is well.

    validate.py SCHEMA < documents
"""

import json
import sys

from jsonschema import Draft202012Validator

with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
Draft202012Validator.check_schema(schema)
for line in sys.stdin:
    document = json.loads(line)
    # The one alternative that the document is meant to be says more than "is not valid under any".
    errors = list(Draft202012Validator(schema).iter_errors(document))
    for error in errors:
        likely = min(error.context or [error], key=lambda one: one.validator == "const")
        print(f"{document.get('type')}: {error.json_path}: {likely.json_path}: {likely.message}", line[:2000])
