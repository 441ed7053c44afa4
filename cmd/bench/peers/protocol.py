"""How a resident process of a contender talks with cmd/bench: a line of JSON each way.

It is sent what to do, answers "ready" once everything is loaded, checked and warmed up, and then makes a round for each line that
says so. Between rounds it waits for input and computes nothing.
"""

import json
import os
import sys
import time

# Libraries print where they like: the answers get the standard output alone, and the rest goes to standard error.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def answer(**what):
    print(json.dumps(what), file=answers, flush=True)


def serve(prepare):
    """prepare(spec) gives what "ready" shall say beside the versions, and the function that makes one round."""
    spec = json.loads(sys.stdin.readline())
    ready, work = prepare(spec)
    answer(ready=ready)
    for line in sys.stdin:
        if line.strip() != "round":
            answer(error=f"{line.strip()!r} is no request")
            return
        begin = time.perf_counter()
        work()
        answer(seconds=time.perf_counter() - begin)
