{{ catalogue_rows('load_ledger') }}
