{{ catalogue_rows('data_dictionary') }}
