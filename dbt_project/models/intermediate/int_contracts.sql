with

chain_rows as (
    select * from {{ ref('stg_chains') }}
),

-- A contract may be restated (an adjustment, a corrected page): the newest snapshot describes it.
described as (
    select
        market,
        contract_id,
        contract_id as vendor_symbol,
        {%- for name in [
            'underlying', 'root', 'expiry_date', 'expiry_ts', 'settlement', 'exercise', 'multiplier',
            'is_standard', 'strike', 'option_type',
        ] %}
        arg_max({{ name }}, snapshot_ts) as {{ name }},
        {%- endfor %}
        -- No US contract is quoted in its own underlying; other markets do not say yet.
        case when market = 'us' then false end as is_inverse,
        min(snapshot_ts) as first_seen_ts,
        max(snapshot_ts) as last_seen_ts
    from chain_rows
    group by market, contract_id
)

select * from described
