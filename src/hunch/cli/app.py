"""The commands. Nothing but typer is imported here: each command fetches what it needs when it runs."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

DESCRIPTION = """Turn a hunch about batch norm, dropout or L2 into evidence on your own PyTorch network.

Begin with `hunch list`, then `hunch test bn-fewer-iterations`."""

app = typer.Typer(
    name="hunch",
    help=DESCRIPTION,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _in(text: str, *names: str, metavar: str | None = None) -> Any:
    """An option that says what is trained."""
    return typer.Option(*names, help=text, metavar=metavar, rich_help_panel="What is trained")


def _out(text: str, *names: str, metavar: str | None = None) -> Any:
    """An option that says what comes out."""
    return typer.Option(*names, help=text, metavar=metavar, rich_help_panel="What comes out")


Y = Annotated[str | None, _in("The target column of a table.", "--y", metavar="COLUMN")]
Missing = Annotated[str, _in("What to do with missing values: error, drop or median.", metavar="WORD")]
Base = Annotated[
    str | None, _in("What arms have where they name nothing: optimizer=adam,lr=0.01.", metavar="KEY=VALUE,…")
]
Seeds = Annotated[
    int | None, _in("Number of seeds; else as many as the verdicts need, up to --max-seeds.", metavar="N")
]
MaxSeeds = Annotated[int, _in("The most seeds where --seeds is not given.", metavar="N")]
Looks = Annotated[
    str,
    _in("After how many blocks claims are looked at: planned, anytime, or 10,20,40.", metavar="WORD|N,…"),
]
Robust = Annotated[
    bool, _in("Assume nothing about the shape of differences; it takes many more seeds.", "--robust")
]
StopAtTarget = Annotated[
    bool, _in("End runs at the target; only for claims about iterations.", "--stop-at-target")
]
Alpha = Annotated[float, _in("Share of wrong verdicts allowed, all claims together.", metavar="A")]
Seed = Annotated[int, _in("Another one is another, disjoint study.", metavar="S")]
Budget = Annotated[int | None, _in("Most iterations of a run; else the pilot finds it.", metavar="N")]
Target = Annotated[float | None, _in("Cost to reach; else the pilot finds it.", metavar="C")]
Store = Annotated[
    str | None,
    _out("Keep finished runs in this study file; the same command goes on from there.", metavar="FILE"),
]
Strict = Annotated[bool, _out("Exit with 1 if a claim is refuted or undecided.", "--strict")]
Json = Annotated[bool, _out("Print one JSON object on stdout.", "--json")]
Quiet = Annotated[bool, _out("No progress on stderr.", "--quiet", "-q")]
Stored = Annotated[str, typer.Argument(metavar="STUDY", help="A study file, as --store writes it.")]


def _version(wanted: bool) -> None:
    if wanted:
        import hunch

        typer.echo(f"hunch {hunch.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    del version


@app.command("list")
def list_hunches(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One hunch, to see all about it.")
    ] = None,
    long: Annotated[bool, _out("All about every hunch.", "--long")] = False,
    json: Json = False,
) -> int:
    """Show the catalogue, a line a hunch; of one, who says so, where it should hold and where not."""
    from hunch.cli import cataloguing

    return cataloguing.show_catalogue(name, long=long, json=json)


@app.command("test")
def check_hunch(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A hunch, as `hunch list` shows it.")
    ] = None,
    every: Annotated[bool, _in("Test every hunch, one after another.", "--all")] = False,
    net: Annotated[
        str | None, _in("Your own network, as net.py:build; else the hunch's own.", metavar="FILE:FUNCTION")
    ] = None,
    data: Annotated[
        str | None, _in("Your own .csv, .parquet or .npz; else the embedded digits.", metavar="FILE")
    ] = None,
    quick: Annotated[bool, _in("A first answer within seconds, by the quick plan.", "--quick")] = False,
    y: Y = None,
    missing: Missing = "error",
    base: Base = None,
    seeds: Seeds = None,
    max_seeds: MaxSeeds = 80,
    looks: Looks = "planned",
    robust: Robust = False,
    stop_at_target: StopAtTarget = False,
    seed: Annotated[
        int | None, _in("Another one is another, disjoint study; else the hunch's, mostly 0.", metavar="S")
    ] = None,
    budget: Budget = None,
    target: Target = None,
    tuning: Annotated[
        str | None,
        _in(
            "replicated, once or none; else replicated where a fast engine serves, else once.", metavar="WORD"
        ),
    ] = None,
    report: Annotated[
        str | None, _out("Where the report goes; else NAME.html, here (with --all none).", metavar="FILE")
    ] = None,
    no_report: Annotated[bool, _out("Write no report.", "--no-report")] = False,
    store: Annotated[
        str | None,
        _out(
            "Keep finished runs in this study file; with several regimes, or --all, in this folder. The same command "
            "goes on. With --all else hunches-quick or hunches, here.",
            metavar="FILE",
        ),
    ] = None,
    strict: Annotated[
        bool,
        _out(
            "Exit with 1 if a claim is refuted or undecided; of a hunch with regimes, unless it holds.",
            "--strict",
        ),
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Test a hunch of the catalogue, or all, on the embedded digits or on your own network and data."""
    from hunch.cli import cataloguing, training

    cataloguing.check_use(name, every)
    options = training.given(
        y=y, missing=missing, base=base, seeds=seeds, max_seeds=max_seeds, looks=looks, robust=robust,
        stop_at_target=stop_at_target, seed=seed, budget=budget, target=target, tuning=tuning, store=store,
    )  # fmt: skip
    output = training.Output(
        report=None if no_report else report or (None if name is None else f"{name}.html"),
        store=store, strict=strict, json=json, quiet=quiet,
    )  # fmt: skip
    if name is None:
        return cataloguing.test_all(net=net, data=data, quick=quick, options=options, output=output)
    return training.test(name, net=net, data=data, quick=quick, options=options, output=output)


@app.command()
def compare(
    net: Annotated[
        str,
        typer.Argument(metavar="FILE:FUNCTION", help="The function that makes the network, as net.py:build."),
    ],
    data: Annotated[str, _in("A .csv, .parquet or .npz file, or digits.", metavar="FILE")],
    arm: Annotated[
        list[str],
        _in("An arm: none, before:norm=batch, drop:keep_prob=0.8. Repeat it.", metavar="NAME[:KEY=VALUE,…]"),
    ],
    claim: Annotated[
        list[str] | None,
        _in("What is to be decided: 'before faster than none'. Repeat it.", metavar="TEXT"),
    ] = None,
    y: Y = None,
    missing: Missing = "error",
    base: Base = None,
    seeds: Seeds = None,
    max_seeds: MaxSeeds = 80,
    looks: Looks = "planned",
    robust: Robust = False,
    stop_at_target: StopAtTarget = False,
    seed: Seed = 0,
    budget: Budget = None,
    target: Target = None,
    metric: Annotated[
        str, _in("The cost that targets are about: train or held_out.", metavar="WORD")
    ] = "train",
    cost: Annotated[
        str,
        _in("auto, cross_entropy, binary_cross_entropy, mean_squared_error or huber.", metavar="WORD"),
    ] = "auto",
    tuning: Annotated[
        str,
        _in(
            "replicated: learning rates anew for every block; once: from the pilot; none: as given; auto: "
            "replicated where a fast engine serves, else once.",
            metavar="WORD",
        ),
    ] = "replicated",
    alpha: Alpha = 0.05,
    engine: Annotated[str, _in("auto, or an engine's name.", metavar="WORD")] = "auto",
    report: Annotated[str | None, _out("Write the report here.", metavar="FILE")] = None,
    store: Store = None,
    strict: Strict = False,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Train your network under several arms and decide claims about them.

    For instance: hunch compare net.py:build --data d.csv --y target --arm none --arm before:norm=batch
    --claim "before faster than none". Dropout by site is "drop:keep_prob=0:0.8;2:0.5", in quotes.
    """
    from hunch.cli import training

    return training.compare(
        net,
        data,
        arms=arm,
        claims=claim or [],
        options=training.given(
            y=y, missing=missing, base=base, seeds=seeds, max_seeds=max_seeds, looks=looks, robust=robust,
            stop_at_target=stop_at_target,
            seed=seed, budget=budget, target=target,
            metric=metric, cost=cost, tuning=tuning, alpha=alpha, engine=engine, store=store,
        ),
        output=training.Output(report=report, store=store, strict=strict, json=json, quiet=quiet),
    )  # fmt: skip


@app.command()
def audit(
    net: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE:FUNCTION", help="Your own network, as net.py:build; else the embedded one."
        ),
    ] = None,
    data: Annotated[
        str | None, _in("Your own .csv, .parquet or .npz; else the embedded digits.", metavar="FILE")
    ] = None,
    arm: Annotated[
        list[str] | None,
        _in(
            "What both arms are: drop:keep_prob=0.8; else the network as it is.", metavar="NAME[:KEY=VALUE,…]"
        ),
    ] = None,
    studies: Annotated[int, _in("How many studies of two identical arms.", metavar="N")] = 200,
    of: Annotated[
        str, _in("What is compared: iterations, cost or held_out_error.", metavar="WORD")
    ] = "iterations",
    planted: Annotated[
        float | None,
        _in("The difference that must be found: how many times the iterations, else an amount.", metavar="X"),
    ] = None,
    y: Y = None,
    missing: Missing = "error",
    base: Base = None,
    seeds: Annotated[
        int | None, _in("Blocks of a study; else 10, or up to --max-seeds.", metavar="N")
    ] = None,
    max_seeds: Annotated[int | None, _in("The most blocks, with planned looks at them.", metavar="N")] = None,
    looks: Annotated[
        str | None, _in("As for `hunch compare`; else one, at the end.", metavar="WORD|N,…")
    ] = None,
    robust: Robust = False,
    stop_at_target: StopAtTarget = False,
    seed: Seed = 0,
    budget: Budget = None,
    target: Target = None,
    metric: Annotated[
        str, _in("The cost that targets are about: train or held_out.", metavar="WORD")
    ] = "train",
    cost: Annotated[
        str,
        _in("auto, cross_entropy, binary_cross_entropy, mean_squared_error or huber.", metavar="WORD"),
    ] = "auto",
    tuning: Annotated[
        str,
        _in(
            "replicated, once or none; auto: replicated where a fast engine serves, else once.",
            metavar="WORD",
        ),
    ] = "auto",
    alpha: Alpha = 0.05,
    engine: Annotated[str, _in("auto, or an engine's name.", metavar="WORD")] = "auto",
    strict: Annotated[bool, _out("Exit with 1 unless the audit is passed.", "--strict")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Put the verdicts to the test: how often are identical arms told apart on your network and data?

    Without a network, on the embedded one. For instance: hunch audit net.py:build --data d.csv --y target
    """
    from hunch.cli import auditing

    return auditing.audit(
        net,
        data,
        arm=arm or [],
        options=auditing.given(
            studies=studies, of=of, planted=planted,
            y=y, missing=missing, base=base, seeds=seeds, max_seeds=max_seeds, looks=looks, robust=robust,
            stop_at_target=stop_at_target, seed=seed, budget=budget, target=target,
            metric=metric, cost=cost, tuning=tuning, alpha=alpha, engine=engine,
        ),
        strict=strict, json=json, quiet=quiet,
    )  # fmt: skip


@app.command()
def tune(
    knob: Annotated[
        list[str],
        _in(
            "keep_prob, 'keep_prob at 0', l2, weight_decay, lr or init_std. Twice for a grid of two.",
            metavar="NAME",
        ),
    ],
    net: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE:FUNCTION", help="Your own network, as net.py:build; else the embedded one."
        ),
    ] = None,
    data: Annotated[
        str | None, _in("A .csv, .parquet or .npz file, or digits, which is the default.", metavar="FILE")
    ] = None,
    doses: Annotated[
        list[str] | None,
        _in("The doses: 0.5,0.8,1. Once for each knob, in their order; else the usual ones.", metavar="N,…"),
    ] = None,
    arm: Annotated[
        str | None, _in("What all doses have otherwise: norm=batch,lr=0.1.", metavar="KEY=VALUE,…")
    ] = None,
    outcome: Annotated[
        str, _in("What is to be low: cost or error (held out), or iterations to the target.", metavar="WORD")
    ] = "cost",
    default: Annotated[
        str | None,
        _in(
            "The dose that you have so far; else the network's own. Of two knobs: 0.8,0.001.", metavar="N[,N]"
        ),
    ] = None,
    margin: Annotated[
        float | None,
        _in("The largest loss that does not matter; for iterations a ratio. Else a rule.", metavar="X"),
    ] = None,
    y: Y = None,
    missing: Missing = "error",
    seeds: Annotated[int, _in("Seeds on which every dose is trained.", metavar="N")] = 20,
    fresh: Annotated[
        int, _in("Further seeds, on which the best dose meets the default; 0: none.", metavar="N")
    ] = 10,
    seed: Seed = 0,
    budget: Budget = None,
    target: Target = None,
    cost: Annotated[
        str,
        _in("auto, cross_entropy, binary_cross_entropy, mean_squared_error or huber.", metavar="WORD"),
    ] = "auto",
    tuning: Annotated[
        str,
        _in(
            "Of learning rates. replicated: anew for every dose and seed; shared: one for all doses; once: one for "
            "each; auto: replicated where a fast engine serves, else shared.",
            metavar="WORD",
        ),
    ] = "auto",
    alpha: Annotated[float, _in("Of each promise: how often a statement may be wrong.", metavar="A")] = 0.05,
    engine: Annotated[str, _in("auto, or an engine's name.", metavar="WORD")] = "auto",
    store: Store = None,
    output: Annotated[
        str | None,
        _out(
            "Write the report here: .html, .txt or .json; .png and .svg for the picture.",
            "--output",
            "-o",
            metavar="FILE",
        ),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Find out how much of a knob is good: which doses are near enough to the best, and whether your default is.

    For instance: hunch tune net.py:build --data d.csv --y target --knob keep_prob -o dose.html
    """
    from hunch.cli import tuning as tuned

    return tuned.tune(
        net,
        data,
        knobs=knob, doses=doses or [], arm=arm, default=default,
        options=tuned.given(
            outcome=outcome, margin=margin, y=y, missing=missing, seeds=seeds, fresh=fresh, seed=seed, budget=budget,
            target=target, cost=cost, tuning=tuning, alpha=alpha, engine=engine,
        ),
        store=store, output=output, json=json, quiet=quiet,
    )  # fmt: skip


@app.command()
def show(study: Stored, json: Json = False) -> int:
    """Print the report of a stored study as text."""
    from hunch.cli import reading

    return reading.show(study, json=json)


@app.command()
def report(
    studies: Annotated[
        list[str], typer.Argument(metavar="STUDY...", help="Study files, as --store makes them.")
    ],
    output: Annotated[
        str | None,
        _out(
            "Where it goes: .html, .txt or .json; .png or .svg for a picture. Else STUDY.html, here; of several "
            "studies overview.html.",
            "--output",
            "--report",
            "-o",
            metavar="FILE",
        ),
    ] = None,
    chart: Annotated[
        str | None,
        _out(
            "Only this picture: answer, effects, looks, cost, held_out_error, arrival, inputs, or a reading.",
            metavar="NAME",
        ),
    ] = None,
    show: Annotated[bool, _out("Open it in the browser.", "--open")] = False,
    json: Json = False,
) -> int:
    """Write the report of a stored study as one HTML page; of several, one page over all of them.

    For instance: hunch report bn.hunch --open, or hunch report a.hunch b.hunch -o all.html
    """
    from hunch.cli import reading

    return reading.report(studies, output, chart=chart, show=show, json=json)


@app.command()
def export(
    study: Stored,
    to: Annotated[str, _out("csv, parquet, json, mlflow or tensorboard.", metavar="WORD")],
    out: Annotated[
        str | None,
        _out(
            "Where: a file; for tensorboard a folder; for mlflow an SQLite file or a tracking URI. Else here, "
            "called like the study.",
            "--out",
            "-o",
            metavar="PATH",
        ),
    ] = None,
    what: Annotated[
        str | None,
        _out(
            "The table: runs, curves, readings or verdicts; of doses also doses. Else the runs, as json all of it.",
            metavar="WORD",
        ),
    ] = None,
    stage: Annotated[
        str | None,
        _out(
            "Which runs: confirm, pilot, tune, tune_held or all; else those that the answer rests on.",
            metavar="WORD",
        ),
    ] = None,
    json: Json = False,
) -> int:
    """Write a stored study for another program: a table, all of it as JSON, or runs for MLflow or TensorBoard.

    For instance: hunch export bn.hunch --to csv --what curves
    """
    from hunch.cli import reading

    return reading.export(study, to=to, out=out, what=what, stage=stage, json=json)


@app.command()
def explore(
    study: Stored,
    claim: Annotated[
        list[str],
        typer.Option(help="What to ask: 'before lower error than none'. Repeat it.", metavar="TEXT"),
    ],
    target: Annotated[
        float | None, typer.Option(help="Cost to count iterations to; else the study's.", metavar="C")
    ] = None,
    alpha: Annotated[
        float | None, typer.Option(help="1 - alpha is the level of intervals; else the study's.", metavar="A")
    ] = None,
    json: Json = False,
) -> int:
    """Ask the runs of a stored study what was not declared; trains nothing, and gives no verdict.

    For instance: hunch explore bn.hunch --claim "before lower error than none"
    """
    from hunch.cli import reading

    return reading.explore(study, claim, target=target, alpha=alpha, json=json)


@app.command()
def recover(
    damaged: Annotated[str, typer.Argument(metavar="STUDY", help="A study file that does not open.")],
    output: Annotated[
        str, _out("A new study file, for what can be saved.", "--output", "-o", metavar="FILE")
    ],
    json: Json = False,
) -> int:
    """Save what can be saved of a damaged study file into a new one."""
    from hunch.cli import reading

    return reading.recover(damaged, output, json=json)


@app.command()
def dropout(
    units: Annotated[int | None, typer.Argument(metavar="UNITS", help="Units of the layer.")] = None,
    net: Annotated[
        str | None,
        typer.Option(help="Every layer of a network instead, as net.py:build.", metavar="FILE:FUNCTION"),
    ] = None,
    keep: Annotated[
        str | None,
        typer.Option(
            help="Probability to keep a unit: 0.8, 11/12, or with --net 0:0.8;2:0.5; there else the network's own.",
            metavar="P",
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option("--dropout", help="bernoulli, exact or gaussian; else bernoulli.", metavar="WORD"),
    ] = None,
    output: Annotated[
        str | None, _out("Draw it here: .html, .png or .svg.", "--output", "-o", metavar="FILE")
    ] = None,
    json: Json = False,
) -> int:
    """Show how many units dropout keeps, exactly, and which layers are too narrow for it.

    For instance: hunch dropout 12 --keep 0.9167, or hunch dropout --net net.py:build --keep 0.8
    """
    from hunch.cli import dropping

    return dropping.dropout(units, net=net, keep=keep, kind=kind, output=output, json=json)


@app.command()
def info(json: Json = False) -> int:
    """Show versions, the engine and what this machine can do."""
    from hunch.cli import machine

    return machine.show(json=json)


def main(args: list[str] | None = None) -> None:
    """Run the command and exit with its code.

    Args:
        args: What was typed after `hunch`. None: the process's own arguments.
    """
    args = sys.argv[1:] if args is None else args
    for stream in (sys.stdout, sys.stderr):
        # A terminal that knows no "→" shows a question mark instead; that is no reason to fail.
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
    try:
        code = app(args=args or ["--help"], prog_name="hunch", standalone_mode=False)
    except BaseException as error:
        from hunch.cli.failures import exit_code

        code = exit_code(error, json="--json" in args)
    sys.exit(code or 0)
