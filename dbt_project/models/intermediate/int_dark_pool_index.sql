{# DPI of every symbol, and DIX: the same of an index's members, weighted by the dollars traded off exchange. #}
with

consolidated as (
    select * from {{ ref('short_volume_daily') }}
    where facility = 'CNMS'
),

-- Two sources may state a close: the one that was known first.
closes as (
    select
        underlying,
        cast(bar_ts as date) as session_date,
        close,
        known_at as close_known_at
    from {{ ref('price_bars') }}
    where market = 'us' and interval = '1d'
    qualify row_number() over (
        partition by underlying, cast(bar_ts as date) order by known_at, source
    ) = 1
),

symbols as (
    select
        consolidated.*,
        closes.close,
        greatest(consolidated.known_at, closes.close_known_at) as complete_at
    from consolidated
    left join closes using (underlying, session_date)
),

lists as (
    select
        market,
        index_name,
        session_date as members_date,
        count(distinct underlying) as members_listed
    from {{ ref('index_members') }}
    group by market, index_name, session_date
),

sessions as (
    select distinct
        market,
        session_date
    from consolidated
),

indices as (
    select distinct index_name from lists
),

wanted as (
    select * from sessions cross join indices
),

-- A list holds until the next one of its index.
holding as (
    select
        wanted.market,
        wanted.session_date,
        lists.index_name,
        lists.members_date,
        lists.members_listed
    from wanted
    asof join lists
        on
            wanted.market = lists.market
            and wanted.index_name = lists.index_name
            and wanted.session_date >= lists.members_date
),

-- A member that is listed under two spellings counts once.
members as (
    select
        holding.*,
        listed.underlying,
        max(listed.known_at) as listed_known_at
    from holding
    inner join {{ ref('index_members') }} as listed
        on
            holding.market = listed.market
            and holding.index_name = listed.index_name
            and holding.members_date = listed.session_date
    group by all
),

indexed as (
    select
        members.market,
        members.session_date,
        members.index_name,
        members.members_date,
        members.members_listed,
        count(distinct members.underlying) filter (where symbols.close is not null) as members_counted,
        sum(symbols.close * symbols.short_volume_shares) as short_usd,
        sum(symbols.close * symbols.total_volume_shares) as off_exchange_usd,
        greatest(max(members.listed_known_at), max(symbols.complete_at)) as known_at
    from members
    left join symbols
        on members.underlying = symbols.underlying and members.session_date = symbols.session_date
    group by all
)

select
    market,
    session_date,
    'symbol' as kind,
    underlying,
    vendor_symbol,
    complete_at as known_at,
    short_volume_shares / nullif(total_volume_shares, 0) as dark_pool_index_frac,
    short_volume_shares,
    total_volume_shares,
    close * total_volume_shares as off_exchange_usd,
    null as members_listed,
    null as members_counted,
    null as members_date
from symbols
union all
select
    market,
    session_date,
    'index' as kind,
    index_name as underlying,
    index_name as vendor_symbol,
    known_at,
    short_usd / nullif(off_exchange_usd, 0) as dark_pool_index_frac,
    null as short_volume_shares,
    null as total_volume_shares,
    off_exchange_usd,
    members_listed,
    members_counted,
    members_date
from indexed
