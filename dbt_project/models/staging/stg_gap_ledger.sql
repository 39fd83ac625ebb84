{{ catalogue_rows('gap_ledger') }}
