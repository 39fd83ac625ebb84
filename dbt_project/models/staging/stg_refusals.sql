{{ catalogue_rows('refusals') }}
