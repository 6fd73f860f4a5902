"""Rivals measured in turn: each in a process of its own, kept warm, asked one after the other.

A rival's program calls `serve`; the benchmark starts it as a `Rival` and asks `interleave` for
rounds. Only the standard library is used, as these programs run in other environments, too.
"""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).parents[1]
# More batches than any input pipeline keeps ready.
KEPT_READY = 8


class RivalFailed(Exception):
    """A rival's program ended before it answered; the text is the end of what it printed."""


class Rival:
    """One program, running from `ready` until `close`.

    Args:
        name: in the table.
        module: dotted name of the program, run with the repository's root as its folder.
        spec: what the program gets, JSON.
        python: interpreter whose environment has the program's framework.
        environment: variables on top of ours.
        cores: the cores it may use, as many as its framework gets threads.
    """

    def __init__(self, name, module, spec, *, python=sys.executable, environment=None, cores=None):
        self.name = name
        cores = cores or available_cores()
        variables = {
            "PYTHONPATH": str(ROOT),
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "TF_USE_LEGACY_KERAS": "1",
            "OMP_NUM_THREADS": str(len(cores)),
        }
        self._command = [str(python), "-m", module, json.dumps(spec | {"cores": cores})]
        self._variables = os.environ | variables | (environment or {})
        self._process = self.facts = None

    def ready(self):
        """Starts the program and waits until it is warm; gives its facts."""
        # Not before: rivals that get warm at once would make the machine look busy.
        if self._process is None:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            self.facts = self._answer()
        return self.facts

    def ask(self, **request):
        """Sends a request and waits for the answer, a dictionary."""
        self.ready()
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self):
        """Ends the program, if it ran."""
        if self._process is None:
            return
        self._process.stdin.close()
        try:
            self._process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def _answer(self):
        line = self._process.stdout.readline()
        if not line:
            raise RivalFailed(
                f"{self.name} ended with status {self._process.wait()}; its words are above."
            )
        return json.loads(line)


@contextlib.contextmanager
def running(*rivals):
    """The rivals, warm; all are ended when the block is left, however."""
    try:
        for rival in rivals:
            rival.ready()
        yield list(rivals)
    finally:
        for rival in rivals:
            rival.close()


def interleave(rivals, *, rounds, **request):
    """Asks each rival in turn, `rounds` times after one that does not count.

    The order turns by one each round.

    Args:
        rivals: warm `Rival`s.
        rounds: how often each is asked.
        request: of `serve`'s command `measure`.

    Returns:
        {rival's name: list of seconds, one a round}.
    """
    for rival in rivals:
        rival.ask(do="measure", **request)
    seconds = {rival.name: [] for rival in rivals}
    for number in range(rounds):
        turned = rivals[number % len(rivals) :] + rivals[: number % len(rivals)]
        for rival in turned:
            seconds[rival.name].append(rival.ask(do="measure", **request)["seconds"])
    return seconds


def serve(make):
    """The other side: reads the spec, gets warm, answers until the input ends.

    Args:
        make: function of the spec that gives (facts, {command: function of its arguments that
            returns a dictionary}).
    """
    # What a framework prints must not get between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    spec = json.loads(sys.argv[1])
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, spec["cores"])

    def answer(content):
        answers.write(json.dumps(content) + "\n")
        answers.flush()

    facts, commands = make(spec)
    answer(facts)
    for line in sys.stdin:
        request = json.loads(line)
        answer(commands[request.pop("do")](**request))


def timed(function, *, calls=1):
    """{"seconds": wall time of one of `calls` calls, "cpu_seconds": processor time alike}."""
    wall, processor = time.perf_counter(), time.process_time()
    for _ in range(calls):
        function()
    return {
        "seconds": (time.perf_counter() - wall) / calls,
        "cpu_seconds": (time.process_time() - processor) / calls,
    }


def batch_meter(batches):
    """`serve`'s command `measure` of an iterable of batches without end.

    Before the clock runs, what was made ready while other rivals ran is taken.
    """
    iterator = iter(batches)

    def measure(calls=1):
        for _ in range(KEPT_READY):
            next(iterator)
        return timed(lambda: next(iterator), calls=calls)

    measure()
    return measure


def available_cores(count=None):
    """The numbers of the cores that may be used, the first `count` of them."""
    found = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count())
    return sorted(found)[:count]
