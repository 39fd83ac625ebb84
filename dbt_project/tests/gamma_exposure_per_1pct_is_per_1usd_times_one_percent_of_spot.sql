-- The two units of gamma exposure differ by S x 0.01 and by nothing else.
select summary.market, summary.underlying, summary.snapshot_ts, summary.dealer_model, summary.scope
from {{ ref('exposure_summary') }} as summary
inner join {{ ref('key_levels') }} as levels using (market, underlying, snapshot_ts, dealer_model, scope)
where
    abs(summary.net_gex_usd_per_1pct - summary.net_gex_usd_per_1usd * levels.spot * 0.01)
    > 1e-9 * summary.gross_gex_usd_per_1pct
