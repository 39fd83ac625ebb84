with

versions as (
    {{ catalogue_rows('partition_versions') | indent(4) }}
)

select
    *,
    '{{ env_var("DEALERFLOW_LAKE") | replace("'", "''") }}/' || path as lake_file
from versions
