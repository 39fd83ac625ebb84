select
    underlying as index_name,
    bar_ts,
    known_at,
    open,
    high,
    low,
    close
from {{ ref('price_bars') }}
where source = 'cboe_index_csv'
order by index_name, bar_ts
