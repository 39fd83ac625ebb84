with

premiums as (
    select
        market,
        underlying,
        minute_ts,
        sum(premium_usd) filter (where option_type = 'call') as call_premium_usd,
        sum(premium_usd) filter (where option_type = 'put') as put_premium_usd
    from {{ ref('zero_dte_flow') }}
    group by market, underlying, minute_ts
)

select
    market,
    underlying,
    minute_ts,
    call_premium_usd,
    put_premium_usd,
    coalesce(put_premium_usd, 0)
    / nullif(coalesce(call_premium_usd, 0) + coalesce(put_premium_usd, 0), 0) as put_share_frac
from premiums
