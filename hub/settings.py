"""Every setting of the hub, read once from the environment by the programs.

``HUB_`` and the field's name in capitals is the variable; with ``_FILE`` behind it, it names a
file that holds the value. ``docs/settings.md`` and ``deploy/env.example`` are made from here.
"""

import base64
import os
import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    AnyHttpUrl,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from hub.errors import SettingsError

_KEY_BYTES = 32
_VARIABLE_PREFIX = "HUB_VAR_"
_FILE_BYTES = 65_536
_FEW_CHARACTERS = 6
_FEW_BYTES = 4
_PLACEHOLDER = re.compile(
    r"change[-_ ]?(?:me|this|it)|replace[-_ ]?(?:me|this)|placeholder|your[-_ ]?\w*[-_ ]?"
    r"(?:key|secret|token|password)|example[-_ ]?\w*[-_ ]?(?:key|secret|token|password)"
)
_COMMON = re.compile(r"(?:admin|default|example|hub|key|password|postgres|root|secret|test|token)+")
_ROLES = ("viewer", "operator", "admin")
Comma = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """What can be set. Durations and sizes carry their unit in the name."""

    model_config = SettingsConfigDict(env_prefix="HUB_", frozen=True, extra="ignore")

    host: str = Field("127.0.0.1", description="Address that the server listens on.")
    port: int = Field(8080, ge=0, le=65535, description="Port that the server listens on.")
    data: Path = Field(
        Path("data"), description="Folder of the embedded database and Valkey (`hub up`)."
    )
    stacks: Path = Field(
        Path("stacks"), description="Folder whose stack files are applied when `hub up` starts."
    )
    database_url: str | None = Field(
        None,
        description="PostgreSQL, `postgresql+asyncpg://user:password@host/database`. "
        "Behind it may stand `?sslmode=verify-full`, `sslrootcert=FILE`, `sslcert=` and `sslkey=`. "
        "Without it: SQLite in the data folder.",
    )
    redis_url: str | None = Field(
        None,
        description="Redis or Valkey 7 and newer, `redis://`, `rediss://` or `unix://`. "
        "Behind `rediss://` may stand `?ssl_ca_certs=FILE`, `ssl_certfile=` and `ssl_keyfile=`. "
        "Without it `hub up` starts the Valkey that it brings along.",
    )
    admin_key: SecretStr | None = Field(
        None,
        description="The first API key, at least 24 characters, for scripted set-up. "
        "Without it `hub up` makes one and shows it once.",
    )
    secret_key: SecretStr | None = Field(
        None,
        description="Encrypts the secrets that the ledger keeps: 32 bytes in base64 or "
        "hexadecimal (`openssl rand -base64 32`). Several with commas: the first encrypts, all "
        "decrypt. Without it secrets are kept as they are.",
    )
    public_url: AnyHttpUrl | None = Field(
        None, description="The address under which others reach the hub; shown in URLs to paste."
    )
    oidc_issuer: str | None = Field(
        None,
        description="An identity provider (OpenID Connect) that people may sign in to the "
        "dashboard with: its issuer to the letter, such as `https://login.example.com/realms/us`. "
        "It sends them back to `HUB_PUBLIC_URL/login/oidc/callback`.",
    )
    oidc_client_id: str | None = Field(
        None, min_length=1, description="What the identity provider knows the hub as."
    )
    oidc_client_secret: SecretStr | None = Field(
        None, description="The secret that goes with it; a public client has none."
    )
    oidc_roles: Comma = Field(
        (),
        description="Values of the claim and the roles that they give, with commas: "
        "`hub-admins=admin,staff=viewer`. The role that may most counts; `*` is any value, or "
        "none. Who has no role may not sign in.",
    )
    oidc_claim: str = Field(
        "groups",
        min_length=1,
        description="The claim of the ID token that roles go by: a text or a list of texts. "
        "Dots lead into another one: `realm_access.roles`.",
    )
    oidc_scope: str = Field(
        "openid profile email", description="What the identity provider is asked for."
    )
    oidc_name: str | None = Field(
        None,
        max_length=100,
        description="What the identity provider is called on the sign-in. Without it: its host.",
    )
    oidc_allow_private: bool = Field(
        False, description="The identity provider may be on a private address."
    )
    trusted_proxies: Comma = Field(
        (), description="Addresses of proxies whose `X-Forwarded-*` headers count, with commas."
    )
    cors_origins: Comma = Field(
        (),
        description="Origins of pages that may call the hub from a browser, with commas; "
        "`*` for any. WeWeb's editor and preview origins are always allowed.",
    )
    outbound_allow: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (),
        description="Private networks that requests may go to, with commas "
        "(`127.0.0.0/8,::1/128`). Meant for tests; per destination there is `allow_private`.",
    )
    outbound_proxy: SecretStr | None = Field(
        None,
        description="A proxy that all requests of the hub go through, "
        "`http://user:password@host:port`. The hub then checks addresses that are written out, "
        "and those that it finds for names itself; the proxy looks names up anew, so the proxy has "
        "to keep requests from private networks.",
    )
    notify_destinations: Comma = Field(
        (),
        description="Slugs of the destinations that `send_completion_notification` tells where "
        "the step names none, with commas.",
    )
    notify_error_destinations: Annotated[tuple[str, ...] | None, NoDecode] = Field(
        None,
        description="The same for `send_error_notification`. Without it: those of "
        "`HUB_NOTIFY_DESTINATIONS`.",
    )
    alert_destinations: Comma = Field(
        (),
        description="Slugs of the destinations that alerts go to where their rule names none, "
        "with commas; they also stand in for one that an alert is about.",
    )
    alert_every_s: float = Field(
        15.0,
        ge=0.05,
        le=3600,
        description="How often alerts are looked at, in the whole hub; what begins to fire within "
        "that time is told together.",
    )
    stream_s: float = Field(
        600.0,
        ge=1,
        le=86_400,
        description="How long a live stream lasts; then its client comes back, maybe to another "
        "server, and misses nothing.",
    )
    streams: int = Field(
        10_000,
        ge=0,
        le=1_000_000,
        description="Live streams that a server holds at once; those above are told to come back.",
    )
    max_body_bytes: int = Field(
        1_048_576,
        ge=1024,
        le=104_857_600,
        description="Largest body that a source takes, where the source says nothing else.",
    )
    files_url: str | None = Field(
        None,
        description="The bucket that files are kept in, `s3://bucket/prefix`, `gs://…` or "
        "`az://container/prefix`, which no other hub uses; credentials come from the cloud's own "
        "variables (`AWS_ACCESS_KEY_ID` …). Without it: the folder `files` in the data folder.",
    )
    file_max_bytes: int = Field(
        2 << 30, ge=1, le=50_000_000_000, description="Largest file that is kept."
    )
    files_max_bytes: int = Field(
        20 << 30, ge=1, description="How much all files together may hold."
    )
    files_keep_s: float = Field(
        2_592_000.0,
        ge=1,
        le=3_153_600_000,
        description="How long a file is kept where nobody says; 30 days.",
    )
    keep_events_s: float = Field(
        2_592_000.0,
        ge=60,
        le=3_153_600_000,
        description="How long an event is kept where its source says nothing, and a delivery that "
        "arrived; 30 days. None goes before the window of its source's dedup has passed.",
    )
    keep_runs_s: float = Field(
        2_592_000.0,
        ge=60,
        le=3_153_600_000,
        description="How long a run is kept after its end, with its steps; 30 days. So long counts "
        "its idempotency key.",
    )
    keep_attempts_s: float = Field(
        1_209_600.0,
        ge=60,
        le=3_153_600_000,
        description="How long attempts are kept after the end of what they were made for; 14 days.",
    )
    keep_dead_letters_s: float = Field(
        7_776_000.0,
        ge=60,
        le=3_153_600_000,
        description="How long a dead letter is kept, and its event with it; 90 days.",
    )
    keep_rejected_s: float = Field(
        604_800.0,
        ge=60,
        le=3_153_600_000,
        description="How long a rejected request is kept; 7 days.",
    )
    keep_audit_s: float = Field(
        31_536_000.0,
        ge=60,
        le=3_153_600_000,
        description="How long it is kept who changed what; 365 days.",
    )
    body_timeout_s: float = Field(
        15.0, gt=0, le=300, description="How long a sender may take to send its body."
    )
    commit_timeout_s: float = Field(
        10.0,
        gt=0,
        le=60,
        description="How long a commit may take before it counts as failed (503).",
    )
    alive_file: Path | None = Field(
        None,
        description="A file that the process touches every second, for a look from outside "
        "whether it still lives.",
    )
    fault_point: str | None = Field(
        None, description="For tests alone: where this process kills itself, `run.claimed:3`."
    )
    run_concurrency: int = Field(
        100,
        ge=0,
        le=1000,
        description="Runs that a worker has under way at once; 0: it leaves them to others.",
    )
    deliver_concurrency: int = Field(
        200,
        ge=0,
        le=1000,
        description="Deliveries that a worker has under way at once; 0: it leaves them to others.",
    )
    deliver_per_destination: int = Field(
        100,
        ge=1,
        le=1000,
        description="Deliveries to one destination that one worker has under way at once.",
    )
    start_wait_s: float = Field(
        30.0,
        ge=0,
        le=3600,
        description="How long a start waits for a PostgreSQL that takes no connections yet.",
    )
    lease_s: float = Field(
        15.0, ge=1, le=300, description="How long a worker that fell silent keeps its work."
    )
    stop_grace_s: float = Field(
        10.0, ge=0, le=300, description="How long a stop waits for work under way."
    )
    metrics_open: bool = Field(
        False,
        description="`/metrics` is told to everybody who asks; without it a key with the scope "
        "`read` is needed (`authorization` in Prometheus' `scrape_config`).",
    )
    metrics_host: str = Field(
        "127.0.0.1", description="Address that `hub worker` tells its health and metrics on."
    )
    metrics_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="Port of `hub worker` for `/healthz`, `/readyz` and `/metrics`. "
        "Without it a worker listens nowhere.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least serious log line that is written."
    )
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="`auto`: for people on a terminal, else JSON lines."
    )

    timezone: str = Field(
        "UTC",
        description="Time zone of dates in stacks that name no other one: "
        "an IANA name like `Europe/Berlin`.",
    )

    @field_validator(
        "oidc_roles",
        "trusted_proxies",
        "cors_origins",
        "outbound_allow",
        "notify_destinations",
        "notify_error_destinations",
        "alert_destinations",
        mode="before",
    )
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("admin_key")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 24:
            raise ValueError("must have at least 24 characters: `openssl rand -hex 24` makes one")
        if value is not None and _is_guessed(value.get_secret_value()):
            raise ValueError("can be guessed: `openssl rand -hex 24` makes a better one")
        return value

    @field_validator("outbound_proxy")
    @classmethod
    def _known_proxy(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            parts = urlsplit(value.get_secret_value())
            if parts.scheme != "http" or not parts.hostname or parts.path.strip("/"):
                raise ValueError("must be http://host:port, or http://user:password@host:port")
            _ = parts.port  # a ValueError where that is no number
        return value

    @field_validator("secret_key")
    @classmethod
    def _readable_keys(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            _keys_of(value.get_secret_value())
        return value

    @field_validator("oidc_issuer")
    @classmethod
    def _safe_issuer(cls, value: str | None) -> str | None:
        if value is not None:
            parts = urlsplit(value)
            is_here = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
            if not parts.hostname or not (parts.scheme == "https" or is_here):
                raise ValueError("must begin with https://: who can change its answers is let in")
            if parts.query or parts.fragment or parts.username:
                raise ValueError("must be an address without user, query or fragment")
        return value

    @field_validator("oidc_roles")
    @classmethod
    def _known_roles(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            claimed, _, role = each.rpartition("=")
            if not claimed.strip() or role.strip() not in _ROLES:
                raise ValueError(f"must be VALUE=ROLE with a role of {', '.join(_ROLES)}")
        return value

    @field_validator("oidc_scope")
    @classmethod
    def _asks_who(cls, value: str) -> str:
        if "openid" not in value.split():
            raise ValueError("must hold the word openid")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _named_proxies(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "*" in value:
            raise ValueError(
                "must not be `*`: whoever calls could say any address to be its own, and limits "
                "by address would count nothing. Name the proxies, or their network (10.0.0.0/8)"
            )
        return value

    @field_validator("outbound_allow")
    @classmethod
    def _not_all(
        cls, value: tuple[IPv4Network | IPv6Network, ...]
    ) -> tuple[IPv4Network | IPv6Network, ...]:
        if any(network.prefixlen == 0 for network in value):
            raise ValueError("must not name every address there is: name the networks themselves")
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            return ZoneInfo(value).key
        except (LookupError, OSError, ValueError) as error:
            raise ValueError("must be the IANA name of a time zone, like Europe/Berlin") from error

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith("postgresql+asyncpg://"):
            raise ValueError("must begin with postgresql+asyncpg://")
        if value is not None:
            _check_password(value)
        return value

    @field_validator("files_url")
    @classmethod
    def _known_bucket(cls, value: str | None) -> str | None:
        if value is not None:
            parts = urlsplit(value)
            if parts.scheme not in ("s3", "gs", "az") or not parts.hostname:
                raise ValueError("must begin with s3://, gs:// or az://, and name a bucket")
        return value

    @field_validator("redis_url")
    @classmethod
    def _known_redis(cls, value: str | None) -> str | None:
        if value is not None:
            scheme, separator, _ = value.partition("://")
            if not separator or scheme not in ("redis", "rediss", "unix"):
                raise ValueError("must begin with redis://, rediss:// or unix://")
            parts = urlsplit(value)
            _ = parts.port  # a ValueError where that is no number
            _check_password(value)
            if scheme == "rediss" and "ssl_check_hostname=" not in parts.query:
                # the client takes a certificate for any name, unless it is told
                query = f"{parts.query}&ssl_check_hostname=true".lstrip("&")
                return parts._replace(query=query).geturl()
        return value

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        """What is fine by itself, and unsafe with another."""
        if self.admin_key is not None and self.secret_key is not None:
            texts = self.secret_key.get_secret_value().replace("\n", ",").split(",")
            if self.admin_key.get_secret_value() in (text.strip() for text in texts):
                raise ValueError(
                    "HUB_ADMIN_KEY: must not be HUB_SECRET_KEY as well: whoever is given the one "
                    "would have the other"
                )
        if self.oidc_issuer is None:
            if self.oidc_client_id is not None or self.oidc_roles:
                raise ValueError("HUB_OIDC_ISSUER: is missing: the other HUB_OIDC_… need it")
            return self
        for name in ("public_url", "oidc_client_id", "oidc_roles"):
            if not getattr(self, name):
                raise ValueError(f"HUB_{name.upper()}: is missing: HUB_OIDC_ISSUER needs it")
        return self

    @property
    def told_of_errors(self) -> tuple[str, ...]:
        """Slugs of the destinations that are told of what failed, where a step names none."""
        own = self.notify_error_destinations
        return self.notify_destinations if own is None else own

    @property
    def secret_keys(self) -> tuple[bytes, ...]:
        """The keys that secrets are sealed with, the first, and opened with; maybe none."""
        return () if self.secret_key is None else _keys_of(self.secret_key.get_secret_value())

    @property
    def oidc_role_of(self) -> dict[str, str]:
        """The roles that values of the claim give."""
        parts = (each.rpartition("=") for each in self.oidc_roles)
        return {claimed.strip(): role.strip() for claimed, _, role in parts}

    @property
    def root(self) -> str:
        """The URL that the hub is reached under, without a slash at its end."""
        return str(self.public_url or f"http://{self.host}:{self.port}").rstrip("/")


def _is_guessed(text: str) -> bool:
    """Whether a secret is a placeholder, a row of common words, or of few characters."""
    plain = text.lower()
    words = re.sub(r"[^a-z]", "", plain)
    return bool(
        len(set(plain)) < _FEW_CHARACTERS or _PLACEHOLDER.search(plain) or _COMMON.fullmatch(words)
    )


def _check_password(url: str) -> None:
    """Raise ValueError where a server on another host is given a password that anybody tries."""
    parts = urlsplit(url)
    if parts.password and parts.hostname not in (None, "127.0.0.1", "localhost", "::1"):
        password = unquote(parts.password)
        if _is_guessed(password) or password == parts.username:
            raise ValueError("has a password that can be guessed: `openssl rand -hex 24` makes one")


def _keys_of(text: str) -> tuple[bytes, ...]:
    """The keys that a text with commas or line ends holds."""
    parts = [part.strip() for part in text.replace("\n", ",").split(",")]
    keys = tuple(_key_of(part) for part in parts if part)
    if not keys:
        raise ValueError("holds no key: `openssl rand -base64 32` makes one")
    return keys


def _key_of(text: str) -> bytes:
    try:
        is_hex = len(text) == 2 * _KEY_BYTES
        key = bytes.fromhex(text) if is_hex else base64.b64decode(_plain(text), validate=True)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise ValueError(
            f"must be {_KEY_BYTES} bytes in base64 or hexadecimal: `openssl rand -base64 32` makes "
            "such a key"
        )
    if len(set(key)) < _FEW_BYTES:
        raise ValueError("can be guessed: `openssl rand -base64 32` makes a better one")
    return key


def _plain(text: str) -> str:
    """Base64 of either alphabet, padded."""
    return text.replace("-", "+").replace("_", "/").rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)


def _sentence(message: str) -> str:
    return message.removeprefix("Value error, ")


def load_settings(**given: Any) -> Settings:
    """The settings from the environment, from files that it names, and what the command line gave.

    Raises:
        SettingsError: names each variable that is wrong, and what it should be.
    """
    wanted = {name: value for name, value in given.items() if value is not None}
    files, lines = _from_files(wanted)
    try:
        settings = Settings(**(files | wanted))
    except ValidationError as error:
        lines += [_line(each["loc"], each["msg"]) for each in error.errors()]
        raise SettingsError("; ".join(lines)) from error
    if lines:
        raise SettingsError("; ".join(lines))
    return settings


def _line(place: tuple[int | str, ...], message: str) -> str:
    name = "_".join(str(part) for part in place[:1]).upper()
    return f"HUB_{name}: {_sentence(message)}" if name else _sentence(message)


def secret_files() -> dict[str, Path]:
    """The files that ``HUB_…_FILE`` names, by the variable."""
    variables = (f"HUB_{name.upper()}_FILE" for name in Settings.model_fields)
    return {each: Path(os.environ[each]) for each in variables if os.environ.get(each)}


def _from_files(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What ``HUB_…_FILE`` names, without the ends of its lines at its end; and what is wrong."""
    found: dict[str, Any] = {}
    wrong: list[str] = []
    for name in Settings.model_fields:
        variable = f"HUB_{name.upper()}"
        file = os.environ.get(f"{variable}_FILE")
        if file is None or name in given:
            continue
        if variable in os.environ:
            wrong.append(f"{variable}_FILE: stands beside {variable}: set one of the two")
            continue
        try:
            found[name] = _text_of(Path(file))
        except ValueError as error:
            wrong.append(f"{variable}_FILE: {error}")
    return found, wrong


def _text_of(file: Path) -> str:
    try:
        with file.open("rb") as content:
            raw = content.read(_FILE_BYTES + 1)
        text = raw.decode("utf-8")
    except (OSError, UnicodeError) as error:
        raise ValueError(f"names a file that cannot be read: {error}") from None
    if len(raw) > _FILE_BYTES:
        raise ValueError(f"names a file of more than {_FILE_BYTES:,} bytes: it holds one value")
    return text.rstrip("\r\n")


def traces_wanted() -> bool:
    """Whether OpenTelemetry's own variables name somebody who takes traces."""
    given = os.environ
    exporter = given.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if given.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or exporter == "none":
        return False
    named = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    return exporter == "otlp" or any(given.get(name) for name in named)


def variables() -> dict[str, str]:
    """The variables for ``env.X`` that the process environment gives as ``HUB_VAR_X``."""
    return {
        name.removeprefix(_VARIABLE_PREFIX): value
        for name, value in os.environ.items()
        if name.startswith(_VARIABLE_PREFIX)
    }


def process_environment() -> dict[str, str]:
    """What ``${NAME}`` may stand for in the secrets of files."""
    return dict(os.environ)
