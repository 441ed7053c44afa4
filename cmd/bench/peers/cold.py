"""One picture from a start to a file: python cold.py SPEC IN OUT, where SPEC is JSON that says what to load."""

import json
import sys

import backends
import pictures

spec, source, target = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3]
run, _ = backends.load(spec)
pictures.write(target, run(pictures.read(source)))
