{{ catalogue_rows('default_models') }}
