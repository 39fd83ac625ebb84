{# Levels of whole snapshots under the default model, in every version that ever stood, with the span in which it did. #}
{%- set columns = [
    'market', 'session_date', 'part', 'v', 'underlying', 'snapshot_ts', 'known_at', 'dealer_model', 'scope',
    'is_default_model', 'is_partial', 'spot', 'gamma_flip', 'gamma_flip_status', 'call_wall', 'put_wall',
    'absolute_gamma_strike', 'hvl', 'zero_dte_magnet', 'max_pain', 'highest_open_interest',
] -%}

with

every as (
    select {{ columns | join(', ') }} from {{ ref('key_levels') }}
    union all
    select {{ columns | join(', ') }} from {{ ref('stg_superseded_key_levels') }}
),

versions as (
    select
        market,
        session_date,
        part,
        v,
        known_at as version_known_at,
        lead(known_at) over (
            partition by market, session_date, part order by known_at, v
        ) as superseded_at
    from {{ ref('stg_partition_versions') }}
    where table_name = 'key_levels'
),

default_models as (
    select
        market,
        dealer_model as default_model
    from {{ ref('default_models') }}
)

select
    every.*,
    versions.version_known_at,
    -- A coin venue's day has a version an hour, each with all rows before it: there the row says when it was known.
    if(every.market = 'us', versions.version_known_at, every.known_at) as seen_at,
    if(every.market = 'us', versions.superseded_at, null) as superseded_at
from every
inner join versions using (market, session_date, part, v)
inner join default_models using (market)
where
    every.scope = 'all'
    and not every.is_partial
    and coalesce(every.is_default_model, every.dealer_model = default_models.default_model)
