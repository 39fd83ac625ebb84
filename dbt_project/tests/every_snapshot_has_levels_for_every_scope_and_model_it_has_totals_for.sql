-- Totals and levels are two views of one computation: neither may hold a scope that the other lacks.
select market, underlying, snapshot_ts, dealer_model, scope
from {{ ref('exposure_summary') }} as summary
full join {{ ref('key_levels') }} as levels using (market, underlying, snapshot_ts, dealer_model, scope)
where summary.scope_status is distinct from levels.scope_status
