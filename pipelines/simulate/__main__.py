"""`python -m pipelines.simulate FOLDER`: write the sample market's files."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipelines.simulate.coins import small as small_coins
from pipelines.simulate.coins import week, write_coin_week
from pipelines.simulate.market import DEFAULT_SEED, simulate_market, truth_json, write_market
from pipelines.simulate.reports import write_reports
from pipelines.simulate.scenarios import HISTORY_SESSIONS, full, small


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.simulate", description="Write the simulated sample market."
    )
    parser.add_argument("folder", type=Path, help="where the vendor files go, e.g. data/sample")
    parser.add_argument(
        "--seed", type=int, default=DEFAULT_SEED, help=f"same seed, same bytes (default {DEFAULT_SEED})"
    )
    parser.add_argument("--small", action="store_true", help="only the six sessions that most tests use")
    parser.add_argument(
        "--history-sessions", type=int, default=HISTORY_SESSIONS, help="thin sessions before the first (default 80)"
    )
    parser.add_argument("--coins", action="store_true", help="also the week of coin options; two days with --small")
    parser.add_argument("--reports", action="store_true", help="also what regulators and the clearing house report")
    parser.add_argument("--truth", type=Path, help="also write what is true of each page, as JSON")
    arguments = parser.parse_args()
    scenario = small() if arguments.small else full(arguments.history_sessions)
    paths = write_market(arguments.folder, arguments.seed, scenario)
    if arguments.reports:
        paths += write_reports(arguments.folder, arguments.seed, scenario)
    if arguments.coins:
        coins = small_coins() if arguments.small else week()
        paths += write_coin_week(arguments.folder, arguments.seed, coins)
    if arguments.truth is not None:
        arguments.truth.write_text(truth_json(simulate_market(arguments.seed, scenario)))
    print(f"{len(paths)} simulated files in {arguments.folder} (seed {arguments.seed})")


if __name__ == "__main__":
    main()
