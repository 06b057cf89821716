"""`hunch dropout`: what dropout does to a layer, or to every layer of a network, exactly.

Torch is loaded only for a network.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

from rich.text import Text

from hunch.cli import screen
from hunch.errors import PlanError
from hunch.report import PICTURES, law_chart, law_text, laws_chart, laws_text, write_picture
from hunch.results import DropoutLaw, dropout_law

Keep = float | dict[str, float]


def dropout(
    units: int | None, *, net: str | None, keep: str | None, kind: str | None, output: str | None, json: bool
) -> int:
    """Print the law of one layer, or those of a network's layers; with `output` draw them too.

    Raises:
        PlanError: If it is not said which layer and keep probability, or one makes no sense; and what a network
            can raise.
    """
    _check_picture(output)
    wanted = None if keep is None else _keep(keep)
    if net is not None:
        return _network(net, units, wanted, kind, output, json=json)
    if units is None:
        raise PlanError(
            "hunch dropout needs a layer: a number of units, or a network. Write for instance hunch dropout 12 "
            "--keep 0.9, or hunch dropout --net net.py:build --keep 0.9.",
            "cli-dropout",
        )
    if wanted is None or isinstance(wanted, dict):
        got = "nothing" if keep is None else f"--keep {keep}"
        raise PlanError(
            f"one layer has one keep probability, got {got}. Write for instance hunch dropout {units} --keep 0.9, "
            "which is PyTorch's nn.Dropout(p=0.1); sites are for --net.",
            "cli-dropout",
        )
    law = dropout_law(units, wanted, kind or "bernoulli")
    if output:
        title = f"What dropout keeps of {law.units:,} unit{'' if law.units == 1 else 's'}"
        write_picture(law_chart(law), output, text=law_text(law), title=title)
    if json:
        screen.emit({"law": law.to_json(), "picture": output})
    else:
        console = screen.answer()
        _show(law_text(law, width=console.width - 1), output)
    return 0


def _network(
    net: str, units: int | None, keep: Keep | None, kind: str | None, output: str | None, *, json: bool
) -> int:
    if units is not None:
        raise PlanError(
            f"--net names a network, whose layers have units of their own, got {units} too. Leave one of them out.",
            "cli-dropout",
        )
    with screen.only_json(json):
        chain, laws = _laws(net, keep, kind)
    kinds = {law.dropout for law in laws.values()}
    title = f"{net}: {chain}{f'; {kinds.pop()} dropout' if len(kinds) == 1 else ''}"
    if output:
        write_picture(laws_chart(laws), output, text=laws_text(laws), title=f"What dropout keeps in {title}")
    if json:
        layers = [{"site": site, **law.to_json()} for site, law in laws.items()]
        screen.emit({"network": net, "layers": layers, "picture": output})
    else:
        console = screen.answer()
        _show(f"{title}\n\n{laws_text(laws, width=console.width - 1)}", output)
    return 0


def _laws(net: str, keep: Keep | None, kind: str | None) -> tuple[str, dict[str, DropoutLaw]]:
    """The network in a line, and the law at every site that has dropout once it is as asked."""
    from hunch.cli.loading import load_build
    from hunch.network import (
        INPUT,
        build_network,
        is_chain,
        keep_of,
        kind_of,
        place_arm,
        read_chain,
        read_sites,
    )
    from hunch.plan import Arm

    network = build_network(load_build(net), seed=0)
    if keep is not None or kind is not None:
        network = place_arm(network, Arm("hunch dropout", keep_prob=keep, dropout=kind))
    layout = read_sites(network)
    places = [(INPUT, layout.sites[0].n_in, layout.input_dropout)]
    places += [(site.name, site.n_units, site.dropout) for site in layout.sites]
    laws = {
        site: dropout_law(units, keep_of(part.module), kind_of(part.module))
        for site, units, part in places
        if part is not None and part.module is not None
    }
    if not laws:
        raise PlanError(
            f"{net} has no dropout{'' if keep is None else ' at this keep'}, so there is nothing to tell. Say how "
            "much there is to be: --keep 0.8 for every layer that an activation follows, or --keep "
            f'"{_example(layout.hidden)}" for some.',
            "cli-dropout",
        )
    text = read_chain(network).describe() if is_chain(network) else layout.describe()
    return text, laws


def _example(hidden: Any) -> str:
    sites = [site.name for site in hidden][:2] or ["0"]
    return ";".join(f"{site}:{keep}" for site, keep in zip(sites, ("0.8", "0.5"), strict=False))


def _keep(text: str) -> Keep:
    """Read `0.8`, `11/12`, or one a site as in `0:0.8;2:0.5`.

    Example:
        >>> _keep("11/12") == 11 / 12, _keep("0:0.8;2:0.5")
        (True, {'0': 0.8, '2': 0.5})
    """
    try:
        if ":" not in text:
            return _number(text)
        pairs = [piece.rpartition(":")[::2] for piece in text.split(";") if piece.strip()]
        sites = {site.strip(): _number(number) for site, number in pairs}
    except (ValueError, ZeroDivisionError, OverflowError):
        sites, pairs = {}, [("", "")]
    if len(sites) < len(pairs) or "" in sites:
        raise PlanError(
            f"--keep must be a number, or one a site as in 0:0.8;2:0.5, got {text!r}. Write for instance --keep "
            "0.8, which is PyTorch's nn.Dropout(p=0.2); fractions such as 11/12 are numbers too.",
            "cli-dropout",
        )
    return sites


def _number(text: str) -> float:
    return float(Fraction(text.strip())) if "/" in text else float(text)


def _check_picture(path: str | None) -> None:
    """Refuse a place where no picture can be written, before anything is computed."""
    if path is None:
        return
    place = Path(path)
    where = f"the picture cannot be written to {path}"
    if place.is_dir():
        raise PlanError(f"{where}: it is a folder. Name a file in it, as {place / 'law.png'}.", "cli-output")
    if not place.parent.is_dir():
        raise PlanError(
            f"{where}: there is no folder {place.parent}. Make it first, or name another.", "cli-output"
        )
    if place.suffix.lower() not in PICTURES:
        raise PlanError(
            f"{where}: its name tells what it is, .html, .png or .svg. Write {place.with_suffix('.png')}.",
            "cli-output",
        )


def _show(text: str, output: str | None) -> None:
    console = screen.answer()
    first, _, rest = text.partition("\n")
    shown = Text(first, style="bold")
    body = Text(f"\n{rest}")
    body.highlight_regex(r"[█▉▊▋▌▍▎▏▁▂▃▄▅▆▇]+", "cyan")
    body.highlight_regex(r"(Too narrow|Layer .+ is too narrow):", "bold yellow")
    console.print(shown + body)
    if output:
        console.print()
        screen.item(console, "picture", str(Path(output).resolve()), width=10)
