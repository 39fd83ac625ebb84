{{ declared_columns(ref('int_study_bars')) }}
order by market, underlying, interval, bar_ts
