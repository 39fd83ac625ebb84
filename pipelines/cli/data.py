"""Commands that bring data in and compute: load, run, sample."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.app import DAY_FORMATS, FEED, Day, FirstOption, LastOption, UserError, app

SessionOption = Annotated[
    Day | None,
    typer.Option("--session", formats=DAY_FORMATS, help="Session of these pages, when their own clock is wrong."),
]
UnderlyingOption = Annotated[
    str | None,
    typer.Option("--underlying", metavar="SYMBOL", help="Whose contracts these are, where a layout does not say."),
]
MappingOption = Annotated[
    Path | None,
    typer.Option("--mapping", metavar="FILE", help="Which column means what, as docs/MAPPING.md tells."),
]
ExchangeOption = Annotated[
    str | None,
    typer.Option("--exchange", metavar="NAME", help="Whose trades a file counts, where it does not say, such as C1."),
]
LARGEST_MAPPING_BYTES = 2**16


def read_mapping(path: Path) -> str:
    """The text of a mapping file."""
    if path.exists() and not path.is_file():
        raise UserError(f"{path}: not a regular file")
    with path.open("rb") as file:
        data = file.read(LARGEST_MAPPING_BYTES + 1)
    if len(data) > LARGEST_MAPPING_BYTES:
        raise UserError(f"{path}: larger than {LARGEST_MAPPING_BYTES} bytes; not a mapping")
    try:
        return data.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8 text") from None


@app.command(
    rich_help_panel=FEED,
    epilog="Examples: `dealerflow load quotes/ rates.csv` · `dealerflow load mine.csv --mapping mine.toml`",
)
def load(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Files, folders or globs.")],
    session: SessionOption = None,
    underlying: UnderlyingOption = None,
    mapping: MappingOption = None,
    exchange: ExchangeOption = None,
    land_only: Annotated[bool, typer.Option("--land-only", help="Only land the files; `run` computes later.")] = False,
) -> None:
    """Land vendor files, compute what they change, publish.

    A file is recognised by its content; its name does not matter. A file that cannot be read is refused with the
    reason and leaves the others unharmed; the exit code is then 1.
    """
    from pipelines import operate
    from pipelines.sources.page import Declared

    declared = Declared(
        session=None if session is None else session.date(),
        underlying=underlying,
        mapping=None if mapping is None else read_mapping(mapping),
        exchange=exchange,
    )
    is_clean = operate.load(paths, declared, is_land_only=land_only)
    raise typer.Exit(0 if is_clean else 1)


@app.command(
    rich_help_panel=FEED, epilog="Examples: `dealerflow run` · `dealerflow run --from 2023-04-03 --to 2023-04-14`"
)
def run(
    first: FirstOption = None,
    last: LastOption = None,
) -> None:
    """Compute every session whose inputs or method changed, publish, and show the newest levels.

    A second run rewrites nothing and says so.
    """
    from pipelines import operate

    if first and last and first > last:
        raise UserError(f"--from {first:%Y-%m-%d} is after --to {last:%Y-%m-%d}")
    is_clean = operate.run(first.date() if first else None, last.date() if last else None)
    raise typer.Exit(0 if is_clean else 1)


@app.command(
    rich_help_panel=FEED, epilog="Examples: `dealerflow sample && dealerflow run` · `dealerflow sample --truth`"
)
def sample(
    seed: Annotated[int, typer.Option(help="Another seed, another market.")] = 2,
    truth: Annotated[bool, typer.Option("--truth", help="Compare the dealer models with the true positions.")] = False,
) -> None:
    """Land a simulated market, so that a machine without vendor files has something to compute.

    Does nothing in a lake that already holds other files. With --truth, after a run: how far each dealer model is from
    what the simulated dealers really hold.
    """
    from pipelines.sample import sample, tell_truth

    if truth:
        tell_truth()
    else:
        sample(seed)
