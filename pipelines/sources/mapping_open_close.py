"""Mappings of exchanges' volume by who traded, bought and sold."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipelines.sources.mapping_coins import CoinWords, ContractColumns, Contracts
from pipelines.sources.mapping_keys import Name, Numbers, Symbol, Words
from pipelines.sources.reports.open_close_rows import EXCHANGE

Exchange = Annotated[str, Field(pattern=EXCHANGE)]


class OpenCloseColumns(ContractColumns):
    date: Name
    exchange: Name | None = None
    underlying: Name | None = None
    is_adjusted: Name | None = None
    market_maker_buy: Name
    market_maker_sell: Name
    customer_open_buy: Name | None = None
    customer_open_sell: Name | None = None
    customer_close_buy: Name | None = None
    customer_close_sell: Name | None = None
    professional_open_buy: Name | None = None
    professional_open_sell: Name | None = None
    professional_close_buy: Name | None = None
    professional_close_sell: Name | None = None
    firm_open_buy: Name | None = None
    firm_open_sell: Name | None = None
    firm_close_buy: Name | None = None
    firm_close_sell: Name | None = None
    broker_dealer_open_buy: Name | None = None
    broker_dealer_open_sell: Name | None = None
    broker_dealer_close_buy: Name | None = None
    broker_dealer_close_sell: Name | None = None
    exchange_volume: Name | None = None
    industry_volume: Name | None = None
    open_interest: Name | None = None


class OpenCloseWords(CoinWords):
    adjusted: Words = Field(default=["1", "true", "yes", "Y"])


OpenCloseNumber = Literal["strike", "exchange_volume", "industry_volume", "open_interest"]


class OpenCloseMapping(Contracts):
    kind: Literal["open_close"]
    columns: OpenCloseColumns
    exchange: Exchange | None = None
    underlying: Symbol | None = None
    date_format: Name | None = None
    words: OpenCloseWords = OpenCloseWords()
    none: dict[OpenCloseNumber, Numbers] = Field(default={})

    @model_validator(mode="after")
    def _is_whole(self) -> OpenCloseMapping:
        columns = self.columns
        self.check_contract(columns, names_root=True)
        for key in ("exchange", "underlying"):
            if getattr(self, key) is not None and getattr(columns, key) is not None:
                raise ValueError(f"{key}: give one value or a column, not both")
        return self
