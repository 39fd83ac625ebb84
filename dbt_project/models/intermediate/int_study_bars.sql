{# Each bar with the newest levels known when it began; levels older than ten days (one on coin venues) are too old. #}
{%- set levels = [
    'gamma_flip', 'gamma_flip_status', 'call_wall', 'put_wall', 'absolute_gamma_strike', 'hvl', 'zero_dte_magnet',
    'max_pain', 'highest_open_interest',
] -%}

with

bars as (
    select
        *,
        case
            when market = 'us' and interval = '1d'
                then timezone('UTC', timezone('America/New_York', cast(bar_ts as date) + time '09:30'))
            else bar_ts - to_seconds(
                cast(regexp_extract(interval, '[0-9]+') as bigint)
                * case right(interval, 1) when 's' then 1 when 'm' then 60 when 'h' then 3600 else 86400 end
            )
        end as bar_open_ts,
        -- The perpetual of a coin pair stands for the coin's options; inverse ones own the coin's name.
        case
            when underlying in ('BTC_USDC-PERPETUAL', 'ETH_USDC-PERPETUAL') then split_part(underlying, '-', 1)
            when underlying like '%-PERPETUAL' then split_part(split_part(underlying, '-', 1), '_', 1)
            else underlying
        end as levels_underlying
    from {{ ref('price_bars') }}
),

known as (
    select
        *,
        cast(snapshot_ts as date) as level_day
    from {{ ref('int_known_levels') }}
),

-- A day is joined with the days before it one by one: a join by inequalities alone would pair everything.
reaching as (
    select
        market,
        underlying,
        interval,
        bar_ts,
        source,
        bar_open_ts,
        levels_underlying,
        unnest(
            generate_series(cast(bar_open_ts as date) - if(market = 'us', 10, 1), cast(bar_open_ts as date), interval 1 day)
        ) as level_day
    from bars
),

found as (
    select
        reaching.market,
        reaching.underlying,
        reaching.interval,
        reaching.bar_ts,
        reaching.source,
        known.snapshot_ts as levels_snapshot_ts,
        known.known_at as levels_known_at,
        known.dealer_model,
        known.spot as levels_spot,
        {%- for level in levels %}
        known.{{ level }}{{ ',' if not loop.last }}
        {%- endfor %}
    from reaching
    inner join known
        on
            reaching.market = known.market
            and reaching.levels_underlying = known.underlying
            and cast(reaching.level_day as date) = known.level_day
            and known.seen_at <= reaching.bar_open_ts
            and (known.superseded_at is null or reaching.bar_open_ts < known.superseded_at)
    qualify row_number() over (
        partition by reaching.market, reaching.underlying, reaching.interval, reaching.bar_ts, reaching.source
        order by known.snapshot_ts desc, known.version_known_at desc, known.v desc
    ) = 1
)

select
    bars.*,
    found.levels_snapshot_ts,
    found.levels_known_at,
    found.dealer_model,
    found.levels_spot,
    {%- for level in levels %}
    found.{{ level }}{{ ',' if not loop.last }}
    {%- endfor %}
from bars
left join found using (market, underlying, interval, bar_ts, source)
