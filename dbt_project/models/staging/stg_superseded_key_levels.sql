{# Market crypto says row by row when it was known, so that its current versions are enough. #}
{{ lake_rows('key_levels', "not is_current and pruned_at is null and market = 'us'") }}
