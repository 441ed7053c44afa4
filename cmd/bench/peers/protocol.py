"""The protocol between cmd/bench and the resident process of a contender: one line of JSON in each direction.

The process reads a line that says what to do, answers "ready" once everything is loaded, checked and warmed up, and then does one
turn for each line "round". Between turns it waits for input and computes nothing.
"""

import json
import os
import sys
import time

# Libraries print to standard output, which is for answers only, so all other output goes to standard error.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def answer(**what):
    print(json.dumps(what), file=answers, flush=True)


def serve(prepare):
    """prepare(spec) returns the content of "ready" and a function that does one turn."""
    spec = json.loads(sys.stdin.readline())
    ready, work = prepare(spec)
    answer(ready=ready)
    for line in sys.stdin:
        if line.strip() != "round":
            answer(error=f"unknown request {line.strip()!r}")
            return
        begin = time.perf_counter()
        work()
        answer(seconds=time.perf_counter() - begin)
