"""Files that nobody would write, read by every parser: each is refused with one line or accounted for row by row.

`seeds/NAME/` holds small whole files that the parser NAME reads, made here; a mapping stands beside its file as
`.toml`. `mutate.py` spoils them, a number an example: the same number makes the same file on every machine.
`parsers.py` says how each parser is called, `checks.py` what must hold of what it gives.

`pytest tests/fuzz` reads `corpus/NAME/`, the smallest files that once broke something, and some examples a parser; its
slow tests read 500 each. `make fuzz` reads 20,000 each and writes what fails, made small (`minimise.py`), into the
corpus: mend the parser and commit both. A new source fails these tests until it has seeds.
"""
