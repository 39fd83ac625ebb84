with

levels as (
    select * from {{ ref('key_levels') }}
),

default_models as (
    select * from {{ ref('default_models') }}
),

-- Where the default rests on trades, a snapshot itself says which model is its default.
whole_snapshots as (
    select levels.*
    from levels
    inner join default_models on levels.market = default_models.market
    where
        levels.scope = 'all'
        and not levels.is_partial
        and coalesce(levels.is_default_model, levels.dealer_model = default_models.dealer_model)
),

newest as (
    select *
    from whole_snapshots
    qualify row_number() over (
        partition by market, underlying order by snapshot_ts desc, dealer_model asc
    ) = 1
)

select * from newest
