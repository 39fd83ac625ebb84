{%- set terms = [
    'underlying', 'root', 'expiry_date', 'expiry_ts', 'settlement', 'exercise', 'multiplier', 'is_standard',
    'strike', 'option_type', 'contract_size_coins',
] -%}

with

chain_rows as (
    select * from {{ ref('stg_chains') }}
),

-- A contract may be restated (an adjustment, a corrected page): the newest snapshot describes it. Of two sources
-- the name decides, so that the answer never depends on the order of reading.
described as (
    select
        market,
        contract_id,
        arg_max(
            struct_pack(
                {%- for name in terms %}
                {{ name }} := {{ name }}{{ ',' if not loop.last }}
                {%- endfor %}
            ),
            (snapshot_ts, source)
        ) as terms,
        bool_or(is_inverse) as is_inverse,
        min(snapshot_ts) as first_seen_ts,
        max(snapshot_ts) as last_seen_ts
    from chain_rows
    group by market, contract_id
)

select
    market,
    contract_id,
    contract_id as vendor_symbol,
    {%- for name in terms %}
    terms.{{ name }} as {{ name }},
    {%- endfor %}
    -- No US contract is quoted in its own underlying, and its pages need not say so.
    coalesce(is_inverse, false) as is_inverse,
    first_seen_ts,
    last_seen_ts
from described
