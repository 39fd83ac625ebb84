{# OCC's open interest against that of the first whole snapshot that shows the same session's. #}
with

cleared as (
    select * from {{ ref('open_interest_daily') }}
),

options as (
    select * from {{ ref('option_snapshots') }}
    where market = 'us' and open_interest_date is not null and not is_partial
),

snapshots as (
    select
        market,
        underlying,
        open_interest_date,
        min(snapshot_ts) as snapshot_ts
    from options
    group by market, underlying, open_interest_date
),

sessions as (
    select
        market,
        underlying,
        session_date,
        max(known_at) as cleared_known_at
    from cleared
    group by market, underlying, session_date
),

pairs as (
    select
        sessions.*,
        snapshots.snapshot_ts
    from sessions
    inner join snapshots
        on
            sessions.market = snapshots.market
            and sessions.underlying = snapshots.underlying
            and sessions.session_date = snapshots.open_interest_date
),

shown as (
    select
        options.*,
        pairs.session_date as compared_date
    from options
    inner join pairs using (market, underlying, snapshot_ts)
),

of_occ as (
    select
        cleared.*,
        pairs.snapshot_ts
    from cleared
    inner join pairs using (market, underlying, session_date)
),

both_sides as (
    select
        coalesce(of_occ.market, shown.market) as market,
        coalesce(of_occ.underlying, shown.underlying) as underlying,
        coalesce(of_occ.session_date, shown.compared_date) as session_date,
        coalesce(of_occ.snapshot_ts, shown.snapshot_ts) as snapshot_ts,
        of_occ.contract_id is not null as is_in_occ,
        shown.contract_id is not null as is_in_chain,
        of_occ.is_standard,
        of_occ.expiry_date,
        of_occ.open_interest as occ,
        shown.open_interest as chain,
        shown.source,
        shown.known_at as chain_known_at
    from of_occ
    full outer join shown
        on
            of_occ.market = shown.market
            and of_occ.underlying = shown.underlying
            and of_occ.session_date = shown.compared_date
            and of_occ.contract_id = shown.contract_id
),

judged as (
    select
        *,
        is_in_occ and is_in_chain as is_compared,
        is_in_occ and not is_in_chain as is_only_occ,
        is_in_chain and not is_in_occ as is_only_chain,
        -- AM series have expired by the opening, PM series by the close.
        expiry_date <= cast(snapshot_ts as date) as is_expired
    from both_sides
)

select
    judged.market,
    judged.session_date,
    judged.underlying,
    judged.snapshot_ts,
    max(judged.source) as snapshot_source,
    greatest(max(pairs.cleared_known_at), max(judged.chain_known_at)) as known_at,
    count(*) filter (where is_compared) as contracts_compared,
    count(*) filter (where is_compared and occ = chain) as contracts_equal,
    count(*) filter (where is_only_occ) as contracts_only_occ,
    count(*) filter (where is_only_occ and not is_standard) as contracts_only_occ_not_standard,
    count(*) filter (where is_only_occ and is_standard and is_expired) as contracts_only_occ_expired,
    count(*) filter (where is_only_occ and is_standard and not is_expired) as contracts_only_occ_unexplained,
    count(*) filter (where is_only_chain and chain > 0) as contracts_only_chain,
    count(*) filter (where is_only_chain and not coalesce(chain > 0, false)) as contracts_only_chain_empty,
    sum(occ) filter (where is_compared) as open_interest_occ,
    sum(chain) filter (where is_compared) as open_interest_chain,
    sum(abs(occ - chain)) filter (where is_compared) as open_interest_difference
from judged
inner join pairs using (market, underlying, session_date)
group by judged.market, judged.session_date, judged.underlying, judged.snapshot_ts
