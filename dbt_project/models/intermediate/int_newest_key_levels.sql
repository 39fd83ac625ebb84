with

levels as (
    select * from {{ ref('key_levels') }}
),

default_models as (
    select * from {{ ref('default_models') }}
),

whole_snapshots as (
    select levels.*
    from levels
    semi join default_models
        on
            levels.market = default_models.market
            and levels.dealer_model = default_models.dealer_model
    where levels.scope = 'all' and not levels.is_partial
),

newest as (
    select *
    from whole_snapshots
    qualify row_number() over (
        partition by market, underlying order by snapshot_ts desc, dealer_model asc
    ) = 1
)

select * from newest
