"""Studies made of formulas instead of training, and a browser driven through two pipes."""

import base64
import contextlib
import fcntl
import json
import math
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from hunch.evidence import Look, Verdict, decide
from hunch.plan import (
    READING_NAMES,
    Arm,
    Plan,
    evaluation_grid,
    faster,
    held_out_grid,
    lower,
    lower_error,
    reading_grid,
    same,
)
from hunch.report import html_report
from hunch.traces import Provenance, RunKey, RunTable, SiteFact, StudyFacts, Trace

sys.path.insert(0, str(Path(__file__).parent))

C0 = math.log(10)
SHAPES = {
    # half-life as a share of the budget, its sd over seeds (of the log), final cost, plateau as a share
    "none": (0.30, 0.42, 0.020, 0.16),
    "before": (0.060, 0.12, 0.004, 0.0),
    "after": (0.105, 0.16, 0.006, 0.03),
}


class Studies:
    """Makes plans, tables and verdicts that agree with each other; everything is a function of the seeds."""

    def facts(self, **changes):
        given = {
            "c0_train": C0,
            "c0_held": C0,
            "error0": 0.9,
            "n_train": 1437,
            "n_held": 360,
            "n_slice": 512,
            "n_outputs": 10,
            "n_parameters": 27710,
            "sites": (
                SiteFact("0", 64, 100, "sigmoid"),
                SiteFact("2", 100, 100, "sigmoid"),
                SiteFact("4", 100, 100, "sigmoid"),
                SiteFact("6", 100, 10, None),
            ),
            "data_source": "digits: 1,797 images of 8 × 8 (scikit-learn)",
            "data_notes": ("20 % of the examples are held out, stratified.",),
            "network": "64 → 100 → 100 → 100 → 10, sigmoid",
            "error_unit": "share",
            "engine": "native",
            "engine_reason": "the network is a chain of linear layers and activations",
            "engine_detail": "x86-64-v3, one row a core",
        }
        return StudyFacts(**(given | changes))

    def shallow(self, **changes):
        """Facts of a network with one layer: for what does not depend on how many there are."""
        return self.facts(**({"sites": (SiteFact("0", 64, 10, None),)} | changes))

    def trace(self, arm, seed, budget, facts, shape=None, *, lr=0.3, stage="confirm", diverged_at=None, **k):
        rng = np.random.default_rng([seed, sum(map(ord, arm)), budget])
        half, spread, end, plateau = shape or SHAPES.get(arm, SHAPES["none"])
        half = max(1.0, half * budget * math.exp(spread * rng.standard_normal()))
        flat = plateau * budget * math.exp(0.3 * rng.standard_normal()) if plateau else 0.0
        at = np.array(evaluation_grid(budget), dtype=np.int64)
        held_at = np.array(held_out_grid(budget), dtype=np.int64)
        read_at = np.array(reading_grid(budget), dtype=np.int64)

        def cost(t, floor, noise):
            late = np.maximum(0.0, t - flat)
            curve = floor + (C0 * 1.04 - floor) / (1 + (late / half) ** 2.2)
            return curve * np.exp(noise * rng.standard_normal(len(t)))

        train, held = cost(at, end, 0.01), cost(held_at, end + 0.11, 0.02)
        error = np.clip(0.021 + 0.88 * (held - 0.11) / C0, 0.005, 0.9)
        readings = self.readings(arm, facts, read_at, budget, rng)
        if diverged_at is not None:
            train = np.where(at >= diverged_at, np.nan, train)
            held = np.where(held_at >= diverged_at, np.nan, held)
            error = np.where(held_at >= diverged_at, np.nan, error)
            readings = np.where((read_at >= diverged_at)[:, None, None], np.nan, readings)
        return Trace(
            RunKey(stage, arm, seed, lr, budget), at, train, held_at, held, error, read_at,
            readings.astype(np.float32), diverged_at=diverged_at, wall_s=1.0 + 0.01 * seed, **k,
        )  # fmt: skip

    def readings(self, arm, facts, at, budget, rng):
        out = np.full((len(at), len(READING_NAMES), len(facts.sites)), np.nan)
        share = np.log(at) / math.log(max(budget, 2))
        calm = arm != "none"
        for s, site in enumerate(facts.sites):
            wobble = np.exp(0.05 * rng.standard_normal(len(at)))
            rise = {"none": 0.34, "after": 0.24}.get(arm, 0.08)
            phi = np.clip((0.32 + (0.03 if calm else 0.08) * s + rise * share) * wobble, 0, 0.99)
            gain = {"none": 0.4 * 0.55**s, "after": 0.6}.get(arm, 1.0)
            bounded = site.activation in ("sigmoid", "tanh")
            values = {
                "saturation": phi if bounded else np.nan,
                "saturated": np.clip(phi - 0.6, 0, 1) if bounded else np.nan,
                "slope": np.clip(1.05 - phi, 0.01, 1) if bounded else np.nan,
                "inactive": 0.02 * share * wobble / gain**0.5 if site.activation else np.nan,
                "preactivation_mean": 0.1 * share,
                "preactivation_spread": (1 + 0.2 * share if calm else 1 + 3 * share) * wobble,
                "gradient_norm": 0.3 * np.exp(-2 * share) * wobble,
                "update_weight": 0.02 * np.exp(-2.5 * share) * wobble * (2 if calm else 1),
                "update_weight_relative": 4e-3
                * np.exp((-2.5 if calm else -1.2) * share)
                * wobble
                * 2.2
                * gain,
                "update_shift": 2e-3 * np.exp(-2.0 * share) * wobble * 3 * gain,
            }
            for k, name in enumerate(READING_NAMES):
                out[:, k, s] = values.get(name, np.nan)  # those on request were not asked for
        return out

    def plan(self, arms=("none", "before", "after"), n=20, budget=1500, target=0.25, **changes):
        kinds = {
            "none": {},
            "before": {"norm": "batch"},
            "after": {"norm": "batch", "norm_at": "after_activation"},
        }
        made = tuple(Arm(a, **kinds.get(a, {})).resolved(1437) for a in arms)
        given = {
            "arms": made,
            "claims": (faster("before", than="none"),) if {"before", "none"} <= set(arms) else (),
            "cost": "cross_entropy",
            "seeds": tuple(range(n)),
            "pilot_seeds": tuple(range(800_000, 800_005)),
            "budget": budget,
            "target": target,
            "rates": tuple((a, r) for a, r in zip(arms, [1.0, 0.3, 0.1, 0.03] * len(arms), strict=False)),
            "data_hash": "d" * 64,
            "network_hash": "e" * 64,
        }
        given |= changes
        given.setdefault("margins", tuple(math.log(1.1) if c.is_ratio else 0.05 for c in given["claims"]))
        return Plan(**given)

    def table(self, plan, *, facts=None, shapes=None, diverged=(), extra=()):
        facts = facts or self.facts()
        traces = [
            self.trace(
                arm.name, seed, plan.budget, facts, (shapes or {}).get(arm.name),
                lr=plan.rate(arm.name) or 0.1,
                diverged_at=plan.budget // 5 if (arm.name, seed) in diverged else None,
            )
            for arm in plan.arms
            for seed in plan.seeds
        ]  # fmt: skip
        return RunTable(facts, [*traces, *extra])

    def verdict(self, claim, decision="supported", effect=0.9, low=0.7, high=1.1, **changes):
        given = {
            "bound": "exact",
            "ratio": math.exp(effect) if claim.is_ratio else None,
            "seeds": 20,
            "alpha": 0.05,
            "margin": math.log(1.1) if claim.is_ratio else 0.05,
            "looks": (20,),
        }
        given |= changes
        if "history" not in given:
            top = math.inf if high is None else high
            p, n, alpha = given.get("p_value", math.nan), given["seeds"], given["alpha"]
            given["history"] = (Look(n, n, alpha, effect, low, top, p, decision),)
        return Verdict(claim, decision, effect, low, high, **given)

    def looking(self, *claims, looks=(5, 10, 20, 40), facts=None, bought=None, **changes):
        """A study in looks, decided for real: plan, table, verdicts, provenance."""
        claims = claims or (
            faster("before", than="none"),
            faster("before", than="after"),
            lower_error("before", than="after", margin=0.002),
            same("before", "after", of="cost", margin=1e-4),
        )
        margins = tuple(math.log(1.1) if c.is_ratio else c.margin or 0.05 for c in claims)
        plan = self.plan(claims=claims, n=looks[-1], looks=looks, margins=margins, **changes)
        whole = self.table(plan, facts=facts or self.shallow())
        table = RunTable(whole.facts, [t for t in whole if t.key.seed in plan.seeds[:bought]])
        return plan, table, decide(plan, table), self.provenance()

    def provenance(self, **changes):
        given = {
            "started": "2025-03-01T12:00:00+00:00",
            "versions": (("hunch-lab", "0.1.0"), ("torch", "2.13.0"), ("numpy", "2.3.0")),
            "machine": "a test machine, 2 cores, Linux",
            "train_wall_s": 41.5,
        }
        return Provenance(**(given | changes))

    def demo(self):
        """3 arms × 20 seeds, 3 hidden layers, `none` partly censored: plan, table, verdicts, provenance."""
        claims = (
            faster("before", than="none"),
            faster("before", than="after"),
            lower("saturation", "before", than="none"),
        )
        plan = self.plan(
            claims=claims,
            notes=("The best learning rate of arm \"none\" was the largest of its grid (1).",),
        )  # fmt: skip
        verdicts = [
            self.verdict(
                claims[0], effect=1.42, low=1.21, high=None, bound="at_least", alpha=0.05 / 3,
                beyond_margin=True, p_value=2e-6, reached=(("before", 1.0), ("none", 0.65)),
            ),
            self.verdict(
                claims[1], "undecided", 0.11, -0.07, 0.29, alpha=0.05 / 3, p_value=0.11, seeds_needed=44,
                reached=(("before", 1.0), ("after", 1.0)), reason="the interval holds both 0 and the margin",
            ),
            self.verdict(claims[2], effect=0.16, low=0.14, high=0.18, alpha=0.05 / 3, p_value=2e-6),
        ]  # fmt: skip
        facts = self.facts()
        pilot = [
            self.trace(a.name, s, plan.budget, facts, lr=plan.rate(a.name), stage="pilot")
            for a in plan.arms
            for s in plan.pilot_seeds
        ]
        diverged = {("none", 7)}
        return plan, self.table(plan, diverged=diverged, extra=pilot), verdicts, self.provenance()


@pytest.fixture(scope="session")
def studies():
    return Studies()


@pytest.fixture(scope="session")
def dosed(studies):
    from dose_studies import DoseStudies

    return DoseStudies(studies)


@pytest.fixture(scope="session")
def demo(studies):
    return studies.demo()


@pytest.fixture(scope="session")
def demo_page(demo):
    return html_report(*demo)


class Browser:
    """A headless Chromium, driven through the two pipes of `--remote-debugging-pipe`: no port, no driver."""

    def __init__(self, program, profile):
        down_read, self._down = os.pipe()
        self._up, up_write = os.pipe()
        arguments = [
            program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--hide-scrollbars", f"--user-data-dir={profile}", "--remote-debugging-pipe", "about:blank",
        ]  # fmt: skip

        def as_three_and_four():
            # The browser reads commands from descriptor 3 and writes answers to 4; go by numbers that nobody has.
            spare = [fcntl.fcntl(given, fcntl.F_DUPFD, 100) for given in (down_read, up_write)]
            os.dup2(spare[0], 3, inheritable=True)
            os.dup2(spare[1], 4, inheritable=True)

        self._process = subprocess.Popen(
            arguments, preexec_fn=as_three_and_four, close_fds=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(down_read)
        os.close(up_write)
        self._buffer, self._n, self.events = b"", 0, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = None
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    _session = None

    def call(self, method, **params):
        """Send one command and wait for its answer; events that come meanwhile are kept."""
        self._n += 1
        message = {"id": self._n, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._down, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._n:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def _read(self):
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._up], [], [], 120)
            part = os.read(self._up, 1 << 16) if ready else b""
            if not part:
                raise RuntimeError("the browser does not answer")
            self._buffer += part
        raw, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(raw)

    def open(self, path, *, width=1440, height=900, dark=False):
        """Open a file and wait until its script says that the charts are drawn."""
        self.events.clear()
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=path.as_uri())
        for _ in range(300):
            if self.run("document.documentElement?.dataset.drawn || ''"):
                return
            time.sleep(0.1)
        raise RuntimeError(f"nothing was drawn: {self.complaints()}")

    def run(self, expression):
        """The value of a JavaScript expression."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def complaints(self):
        """What the console shows as error or warning, uncaught exceptions, and policy violations."""
        found = []
        for event in self.events:
            params = event.get("params", {})
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(json.dumps(params))
            if event.get("method") == "Runtime.consoleAPICalled" and params["type"] in (
                "error",
                "warning",
                "assert",
            ):
                found.append(json.dumps(params["args"])[:500])
            if event.get("method") == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
                found.append(params["entry"]["text"])
        return found

    def requests(self):
        """Addresses that the page asked for, without itself and without data inside it."""
        sent = [e["params"] for e in self.events if e.get("method") == "Network.requestWillBeSent"]
        return [
            s["request"]["url"] for s in sent if s["type"] != "Document" and s["request"]["url"] != "data:,"
        ]

    def picture(self, path, *, width):
        """A PNG of the whole page."""
        height = self.run("Math.ceil(document.documentElement.scrollHeight)")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(answer["data"]))

    def close(self):
        """End the browser."""
        self._session = None
        with contextlib.suppress(Exception):
            self.call("Browser.close")
        os.close(self._down)
        os.close(self._up)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on the path")
    found = Browser(program, tmp_path_factory.mktemp("profile"))
    yield found
    found.close()
