"""Every setting as frozen values, a class a section: the defaults stand here and nowhere else."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from warehouse.config.base import Positive, Section, Share
from warehouse.config.catalogue import PREFIX, check_address, shown
from warehouse.config.series import SeriesConfig
from warehouse.config.sources import SourceConfig


class RunConfig(Section):
    as_of: dt.date | None = None
    seed: int = 20240101
    demo: bool = False


class PathsConfig(Section):
    warehouse: Path = Path("state/affectcast.duckdb")
    published: Path = Path("published")
    exports: Path = Path("exports")
    lexicons: Path = Path("state/lexicons")
    metrics: Path | None = None

    @property
    def metrics_file(self) -> Path:
        """What a monitoring system reads of the last run; beside the warehouse unless it is said where."""
        return self.metrics or self.warehouse.parent / "metrics.prom"

    @property
    def reports(self) -> Path:
        """A report of every run, beside the warehouse."""
        return self.warehouse.parent / "reports"

    @property
    def score_cache(self) -> Path:
        """What models said of a text, beside the warehouse and as private; may be deleted at any time."""
        return self.warehouse.parent / "score_cache"

    @property
    def forecast_memo(self) -> Path:
        """What models said of a series, beside the warehouse; may be deleted at any time."""
        return self.warehouse.parent / "forecast_memo"


class WarehouseConfig(Section):
    """Where the tables are kept; with `ducklake` also in which catalogue, and where its files lie."""

    kind: Literal["duckdb", "ducklake"] = "duckdb"
    catalogue: str = ""
    data: str = ""
    memory_limit: str = "1GB"
    threads: Positive = 2

    @model_validator(mode="after")
    def a_lake_says_where_it_is(self) -> WarehouseConfig:
        if not self.is_lake and (self.catalogue or self.data):
            raise ValueError('catalogue and data belong to kind = "ducklake"')
        if self.is_lake:
            check_address(self.catalogue)
        if self.is_lake and not self.data:
            raise ValueError('data must name a folder or "s3://BUCKET/…" with kind = "ducklake"')
        return self

    @property
    def is_lake(self) -> bool:
        return self.kind == "ducklake"

    @property
    def conninfo(self) -> str:
        """The catalogue's address as PostgreSQL's client reads it."""
        return self.catalogue.removeprefix(PREFIX).strip()

    @property
    def name(self) -> str:
        """What messages call a DuckLake: host, port and database of its catalogue."""
        return shown(self.catalogue)

    @property
    def is_object_storage(self) -> bool:
        return "://" in self.data

    @property
    def data_path(self) -> str:
        """The folder or prefix of the files, ending with a slash."""
        return f"{self.data if self.is_object_storage else Path(self.data).absolute()}".rstrip("/") + "/"

    @property
    def of_duckdb(self) -> dict[str, Any]:
        """What DuckDB itself is set to."""
        return {"memory_limit": self.memory_limit, "threads": self.threads}


class EngineConfig(Section):
    """Where posts are scored and models of single series are fitted; without `address` Ray runs on this machine."""

    kind: Literal["local", "ray"] = "local"
    workers: Positive = 1
    address: str = ""

    @field_validator("address")
    @classmethod
    def address_names_a_machine(cls, address: str) -> str:
        if not re.fullmatch(r"(|[^/\s:]+:\d+)", address):
            raise ValueError(
                'write HOST:PORT of the cluster\'s first machine, as in address = "10.0.0.1:6379", or leave it empty '
                "to have Ray on this machine for the run"
            )
        return address


class IntakeConfig(Section):
    batch_records: Positive = 50_000


class ModelConfig(Section):
    """A published or a user's own sequence classifier as a scorer; what is left out is as the model's files say.

    Without `source` the entry completes the catalogue's model of that name.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    source: str = ""
    revision: str = Field(default="main", min_length=1)
    languages: tuple[Annotated[str, Field(pattern=r"^[a-z]{2}$")], ...] = ()
    profile: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    thresholds: dict[str, Share] = Field(default_factory=dict)
    max_tokens: int = Field(default=0, ge=0)
    pooling: Literal["", "mean", "max"] = ""
    activation: Literal["", "softmax", "sigmoid"] = ""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "fp32", "bf16", "int8"] = "auto"
    trust_remote_code: bool = False
    allow_pickle: bool = False


class ScoreConfig(Section):
    scorers: tuple[str, ...] = ("lexicon", "emotion")
    chunk_posts: Positive = 50_000
    threads: Positive = 2
    cache: bool = True
    models: tuple[ModelConfig, ...] = ()

    @model_validator(mode="after")
    def model_names_are_unique(self) -> ScoreConfig:
        names = [model.name for model in self.models]
        if len(names) != len(set(names)):
            raise ValueError("two models have the same name")
        return self


class AmplificationConfig(Section):
    """From when on a text is a copy, and an account a machine."""

    near_duplicate_days: Positive = 7
    burst_posts_per_hour: Positive = 40
    burst_posts_per_day: Positive = 200


class SignalsConfig(Section):
    levels: tuple[Literal["all", "nation", "region"], ...] = ("all", "nation", "region")
    populations: tuple[Literal["lang", "community", "age_band", "sex"], ...] = ()
    kinds: tuple[str, ...] = ("original", "reply", "quote", "comment")
    exclude: tuple[Literal["repost", "near_duplicate", "burst", "link_only"], ...] = (
        "repost", "near_duplicate", "burst", "link_only",
    )  # fmt: skip
    minimum_posts_day: Positive = 1
    minimum_posts_week: Positive = 1
    reporting_lag_days: int = Field(default=1, ge=0)
    minimum_days_of_seven: int = Field(default=4, ge=1, le=7)


class WeightsConfig(Section):
    """Weighting people to a known population; without `margins` nobody is weighted."""

    margins: Path | None = None
    minimum_bin: int = Field(default=50, ge=50)
    smoothing_people: int = Field(default=20, ge=0)
    maximum_weight: float = Field(default=5.0, gt=1.0)


class WordsConfig(Section):
    """Which words moved a signal: the newest days against those before them, and any weeks against any others."""

    window_days: Positive = 7
    reference_days: Positive = 28
    weeks: int = Field(default=13, ge=0, le=520)
    weeks_together: int = Field(default=1, ge=1, le=13)
    levels: tuple[Literal["all", "nation", "region"], ...] = ("all", "nation")
    top_terms: Positive = 30


class EventsConfig(Section):
    """The crisis calendar, and which days an event is judged by; without `path` there is none."""

    path: Path | None = None
    columns: str = ""
    window_days: int = Field(default=7, ge=1, le=28)
    baseline_days: int = Field(default=28, ge=14, le=182)
    levels: tuple[Literal["all", "nation", "region"], ...] = ("all", "nation")


class DisclosureConfig(Section):
    """May be made stricter, never laxer."""

    people_floor: int = Field(default=50, ge=50)
    high_reliability: int = Field(default=200, ge=200)
    numerator_floor: int = Field(default=10, ge=10)
    rounding: int = Field(default=5, ge=5)
    post_floor: int | None = Field(default=None, ge=200)


class ForecastConfig(Section):
    models: tuple[str, ...] = (
        "flat_line",
        "window_mean",
        "seasonal_naive",
        "auto_ets",
        "auto_theta",
        "auto_arima",
        "dynamics",
        "global_linear",
        "ridge_var",
        "nhits",
    )
    horizon_days: int = Field(default=14, ge=1, le=60)
    horizon_weeks: int = Field(default=4, ge=1, le=26)
    history_days: int = Field(default=1461, ge=14)
    backtest_origins: int = Field(default=6, ge=1)
    minimum_history: int = Field(default=14, ge=2)
    max_series: Positive = 400
    statistics: tuple[Literal["share", "mean"], ...] = ("share",)
    holidays: bool = True
    country_of_all: str = ""


class AlertsConfig(Section):
    alpha: Share = 0.01
    false_discovery_rate: Share = 0.05
    lookback_days: Positive = 84
    budget_per_week: Annotated[float, Field(gt=0)] | None = None
    catch_up_days: int = Field(default=42, ge=0)
    help_line: str = ""
    help_lines: dict[str, str] = Field(default_factory=dict)


class ContagionConfig(Section):
    scorer: str = "lexicon"
    window_hours: Positive = 24
    permutations: int = Field(default=500, ge=100)
    measures: tuple[str, ...] = ("anger", "joy")
    span_days: Positive = 90


class PublishConfig(Section):
    keep_issues: Positive = 30


class RetentionConfig(Section):
    """How long posts are kept; without `raw_days` they are kept for good."""

    raw_days: Positive | None = None


class ScheduleConfig(Section):
    cron: str = "15 3 * * *"
    timezone: str = "UTC"
    retries: int = Field(default=2, ge=0)
    retry_delay_seconds: int = Field(default=30, ge=0)
    stage_timeout_minutes: Positive = 720


class DashboardConfig(Section):
    """Who may open the dashboard and answer alerts; without `sign_in` that is whoever reaches it."""

    sign_in: bool = False
    secrets: Path = Path(".streamlit/secrets.toml")
    analysts: tuple[Annotated[str, Field(pattern=r"^[!-?A-~]+@[a-z0-9.-]+$")], ...] = ()
    role_claim: str = ""
    default_role: Literal["viewer", "none"] = "viewer"
    allowed_domains: tuple[Annotated[str, Field(pattern=r"^[a-z0-9.-]+$")], ...] = ()
    hours: int = Field(default=12, ge=1, le=720)

    @model_validator(mode="after")
    def analysts_are_let_in(self) -> DashboardConfig:
        if any(address != address.lower() for address in self.analysts):
            raise ValueError("write the addresses of analysts in small letters")
        domains = {address.partition("@")[2] for address in self.analysts}
        if self.allowed_domains and not domains <= set(self.allowed_domains):
            raise ValueError("an analyst's address is of none of the allowed_domains, so nobody could use it")
        return self


class Config(Section):
    run: RunConfig = RunConfig()
    paths: PathsConfig = PathsConfig()
    warehouse: WarehouseConfig = WarehouseConfig()
    engine: EngineConfig = EngineConfig()
    sources: tuple[SourceConfig, ...] = ()
    series: tuple[SeriesConfig, ...] = ()
    intake: IntakeConfig = IntakeConfig()
    score: ScoreConfig = ScoreConfig()
    signals: SignalsConfig = SignalsConfig()
    amplification: AmplificationConfig = AmplificationConfig()
    weights: WeightsConfig = WeightsConfig()
    words: WordsConfig = WordsConfig()
    events: EventsConfig = EventsConfig()
    disclosure: DisclosureConfig = DisclosureConfig()
    forecast: ForecastConfig = ForecastConfig()
    alerts: AlertsConfig = AlertsConfig()
    contagion: ContagionConfig = ContagionConfig()
    publish: PublishConfig = PublishConfig()
    retention: RetentionConfig = RetentionConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    dashboard: DashboardConfig = DashboardConfig()

    @model_validator(mode="after")
    def source_names_are_unique(self) -> Config:
        names = [source.name for source in self.sources]
        if len(names) != len(set(names)):
            raise ValueError("two sources have the same name")
        names += [series.name for series in self.series]
        if len(names) != len(set(names)):
            raise ValueError("two series, or a source and a series, have the same name")
        return self

    @model_validator(mode="after")
    def posts_are_kept_while_they_are_read(self) -> Config:
        days, words = self.retention.raw_days, self.words
        read = max(
            words.window_days + words.reference_days,
            7 * words.weeks,
            self.contagion.span_days,
            2 * self.amplification.near_duplicate_days,
        )
        # Two weeks more: only whole weeks are removed, and a night may come late.
        if days is not None and days < read + 14:
            raise ValueError(
                f"[retention] raw_days must be at least {read + 14}: so far back [words], [contagion] and "
                "[amplification] read posts"
            )
        return self

    @property
    def sha256(self) -> str:
        """Hash of every setting that can change a number made from posts, the margin table's content among them; where
        things are stored, where work is done, who may look at it and series made elsewhere cannot."""
        elsewhere: Any = {
            "paths": True,
            "retention": True,
            "schedule": True,
            "dashboard": True,
            "warehouse": True,
            "engine": True,
            "sources": {"__all__": {"path", "fetch"}},
            "series": True,
            "events": {"path"},
            "weights": {"margins"},
        }
        body = self.model_dump_json(exclude=elsewhere).encode()
        margins = self.weights.margins
        if margins is not None and margins.is_file():
            body += margins.read_bytes()
        return hashlib.sha256(body).hexdigest()
