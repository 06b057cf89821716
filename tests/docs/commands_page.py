"""docs/commands.md, written from the commands themselves."""

import typer

from hunch.cli.app import app

HEAD = """# The command line

Every command with every argument and option, as `hunch COMMAND --help` has them; this page is written from the
commands, and a test holds it to them (`make gold` writes it anew). Answers go to stdout, everything else to stderr.
With `--json` stdout holds one JSON object, also when something goes wrong. Exit codes: 0 done, 1 a claim was refuted or
undecided under `--strict`, 2 bad input, 70 a bug of ours, 130 stopped by Ctrl-C.
"""


def commands():
    """Pairs (name, command) in the order of `hunch --help`."""
    return list(typer.main.get_command(app).commands.items())


def shown(param):
    """An argument or option as it is typed."""
    names = [*param.opts, *param.secondary_opts]
    if param.param_type_name == "argument":
        return f"`{param.metavar or param.name.upper()}`"
    metavar = f" {param.metavar}" if param.metavar and not getattr(param, "is_flag", False) else ""
    return (
        ", ".join(f"`{name}`" for name in names[:-1])
        + (", " if names[1:] else "")
        + f"`{names[-1]}{metavar}`"
    )


def cell(text):
    """Text in a cell of a table."""
    return " ".join((text or "").split()).replace("|", "\\|")


def page():
    """The whole page."""
    parts = [HEAD]
    for name, command in commands():
        parts.append(f"## hunch {name}\n\n{_body(command.help)}\n\n| | |\n|---|---|")
        rows = []
        for param in command.params:
            if "--help" in param.opts:
                continue
            need = " Must be given." if param.required else ""
            default = param.default
            is_told = (
                isinstance(default, str | int | float) and not isinstance(default, bool) and default != ""
            )
            typed = shown(param).replace("|", "\\|")
            rows.append(f"| {typed} | {cell(param.help)}{need}{f' Default {default}.' if is_told else ''} |")
        parts[-1] += "\n" + "\n".join(rows) + "\n"
    return "\n".join(parts)


def _body(text):
    """The help text; example command lines stay as they are."""
    return "\n".join(line.strip() for line in (text or "").strip().splitlines())
