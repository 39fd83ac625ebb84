{{ catalogue_rows('method_versions') }}
