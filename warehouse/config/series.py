"""Numbers that somebody else made of people's answers or searches: `[[series]]`. Not for reading any of them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from warehouse.config.base import Section


class SeriesColumnsConfig(Section):
    """Which column of the file holds what; one that is left out does not exist."""

    time_value: str = Field(default="time_value", min_length=1)
    value: str = Field(default="value", min_length=1)
    se: str | None = Field(default=None, min_length=1)
    n: str | None = Field(default=None, min_length=1)
    place: str | None = Field(default=None, min_length=1)
    published: str | None = Field(default=None, min_length=1)

    @property
    def given(self) -> dict[str, str]:
        """Our name → the file's, of the columns that there are."""
        return {name: column for name, column in self.model_dump().items() if column is not None}

    @model_validator(mode="after")
    def a_column_holds_one_thing(self) -> SeriesColumnsConfig:
        named = list(self.given.values())
        if len(set(named)) < len(named):
            raise ValueError("a column is named twice: each holds one thing")
        return self


class SeriesConfig(Section):
    """An aggregated series: its file, what its rows are of, what 1.0 is in it, and how late it comes.

    `lag_days`: a row without a day of publication counts as known so many days after its period ended.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    path: str = Field(min_length=1)
    columns: SeriesColumnsConfig = SeriesColumnsConfig()
    time_type: Literal["day", "week"] = "week"
    geo_type: Literal["all", "nation", "region"] = "all"
    geo_value: str = ""
    scale: float = Field(default=1.0, gt=0.0, allow_inf_nan=False)
    statistic: Literal["share", "mean"] = "share"
    unit: str = Field(default="", max_length=80)
    label_en: str = Field(min_length=1, max_length=200)
    label_es: str = Field(min_length=1, max_length=200)
    direction: Literal["higher_is_worse", "higher_is_better", "neutral"] = "neutral"
    maker: str = ""
    licence: str = ""
    lag_days: int = Field(default=7, ge=0, le=366)

    @property
    def unit_said(self) -> str:
        """What its numbers are, where nobody said otherwise."""
        usual = "share of people" if self.statistic == "share" else "mean score, 0 to 1"
        return self.unit.strip() or usual

    @model_validator(mode="after")
    def a_name_of_its_own(self) -> SeriesConfig:
        if self.name == "signals":
            raise ValueError("'signals' are all those made from posts: give the series another name")
        return self

    @model_validator(mode="after")
    def one_place_or_a_column_of_them(self) -> SeriesConfig:
        if self.columns.place is not None and (self.geo_type != "all" or self.geo_value):
            raise ValueError("columns.place says where rows are of: leave out geo_type and geo_value")
        if (self.geo_type == "all") != (self.geo_value in ("", "all")):
            raise ValueError("geo_type nation or region goes with the geo_value of one, all with none")
        return self
