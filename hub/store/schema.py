"""The ledger's tables. Times are integer microseconds since the epoch, JSON is text.

Columns named ``*_at`` and ``lease_until`` that steer work are set by the database's own clock.
``hub migrate`` builds these; a test holds the migrations and this module equal.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    and_,
    false,
    not_,
)
from sqlalchemy.types import UserDefinedType

from hub.store.statement import inline


class JsonText(UserDefinedType[str]):
    """JSON kept as it was written: key order and exact numbers, the same on both databases.

    PostgreSQL's ``json`` checks and reaches into it; its ``jsonb`` would reorder the keys.
    """

    cache_ok = True

    def get_col_spec(self, **kw: Any) -> str:
        return "JSON"

    def coerce_compared_value(self, op: Any, value: Any) -> "JsonText":
        return self

    def bind_processor(self, dialect: Dialect) -> None:
        return None


metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"}
)

objects = Table(
    "objects",  # what people name and set: sources, destinations, variables, channels, pauses
    metadata,
    Column("kind", Text, nullable=False),
    Column("slug", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("managed_by", Text, nullable=False),  # file | api
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("kind", "slug"),
)

catalog_revision = Table(
    "catalog_revision",  # one row: grows with every change of what people set
    metadata,
    Column("id", Integer, nullable=False),
    Column("revision", BigInteger, nullable=False),
    PrimaryKeyConstraint("id"),
)

stacks = Table(
    "stacks",
    metadata,
    Column("name", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("managed_by", Text, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("name"),
)

stack_versions = Table(
    "stack_versions",  # what each says never changes
    metadata,
    Column("name", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("name", "version"),
)

keys = Table(
    "keys",
    metadata,
    Column("id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("last_used_at", BigInteger),  # a minute late at most
    PrimaryKeyConstraint("id"),
    Index(None, "hash", unique=True),
)

users = Table(
    "users",  # people who sign in, with a password or by an identity provider
    metadata,
    Column("id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),  # viewer | operator | admin
    Column("password", Text, nullable=False),  # as argon2 keeps it; empty: there is none
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("id"),
    Index(None, "name", unique=True),
)

identities = Table(
    "identities",  # whom an identity provider knows, and which user that is
    metadata,
    Column("issuer", Text, nullable=False),
    Column("subject", Text, nullable=False),  # as the provider calls them
    Column("user_id", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("issuer", "subject"),
    Index(None, "user_id"),
)

sessions = Table(
    "sessions",  # who is signed in, and links that sign somebody in once
    metadata,
    Column("hash", Text, nullable=False),
    Column("is_link", Boolean, nullable=False),
    Column("key_id", Text),  # whose it is: a key's,
    Column("user_id", Text),  # or a user's
    Column("created_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("hash"),
    Index(None, "ends_at"),
    Index(None, "user_id"),
)

audit = Table(
    "audit",  # who changed what; rows are only ever added
    metadata,
    Column("id", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("by_kind", Text, nullable=False),  # key | command line | file
    Column("by_id", Text),  # of the key
    Column("by_name", Text),  # of the key, or the file's path
    Column("operation", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("changes", Text),  # of an object that people name: its fields before and after
    Column("request_id", Text),
    Column("ip", Text),
    PrimaryKeyConstraint("id"),
    Index(None, "at"),
    Index(None, "kind", "id"),
    Index(None, "kind", "name", "id"),
    Index(None, "by_id", "id"),
)

idempotency = Table(
    "idempotency",  # what each Idempotency-Key stands for, until it expires
    metadata,
    Column("key_id", Text, nullable=False),  # whose it is
    Column("key", Text, nullable=False),
    Column("request", Text, nullable=False),  # a hash of method, path and body
    Column("token", Text, nullable=False),  # whose request may write under it
    Column("lease_until", BigInteger, nullable=False),
    Column("begun", Boolean, nullable=False),  # something is committed
    Column("answer", Text),  # sealed; NULL until it is known
    Column("expires_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("key_id", "key"),
    Index(None, "expires_at"),
)

events = Table(
    "events",  # every request to a source
    metadata,
    Column("id", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("type", Text),
    Column("fate", Text, nullable=False),  # recorded | unmatched | duplicate | rejected
    Column("reason", Text),
    Column("duplicate_of", Text),
    Column("body_differs", Boolean, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("method", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("query", Text, nullable=False),
    Column("ip", Text, nullable=False),
    Column("headers", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("id"),
)
Index("ix_events_source_id", events.c.source, events.c.id)
_rejected = events.c.fate == inline("rejected")
Index(
    "ix_events_rejected",
    events.c.id,
    events.c.source,
    sqlite_where=_rejected,
    postgresql_where=_rejected,
)
_repeats = events.c.duplicate_of.is_not(None)
Index(
    "ix_events_duplicate_of",
    events.c.duplicate_of,
    sqlite_where=_repeats,
    postgresql_where=_repeats,
)

dedup = Table(
    "dedup",  # which event a key stands for, until it expires
    metadata,
    Column("source", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("run_id", Text),
    Column("body_hash", LargeBinary, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("source", "key"),
    Index(None, "expires_at"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Text, nullable=False),
    Column("task", Text, nullable=False),
    Column("version", Text),
    Column("status", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("crashes", Integer, nullable=False),
    Column("input", Text),  # NULL: the body of its event
    Column("context", Text),  # who asked for it, and how
    Column("answer", Text),  # status and headers of an endpoint's answer; the body is the result
    Column("result", Text),
    Column("failure", Text),
    Column("event_id", Text),
    Column("parent", Text),
    Column("chain_depth", Integer, nullable=False),
    Column("idempotency_key", Text),
    Column("worker", Text),
    Column("fence", BigInteger, nullable=False),
    Column("lease_until", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("concurrency_key", Text),  # of those with the same one is running at a time
    Column("retry_of", Text),
    Column("progress", Text),
    Column("unique_key", Text),  # of a task's runs with the same one there is one, until it ends
    Column("completion_webhook", Text),  # a URL or a destination that is told of its end
    Column("awaits", Text),  # the event that it is parked for
    Column("held", Boolean, nullable=False, server_default=false()),  # another has its key
    PrimaryKeyConstraint("id"),
)
_queued = runs.c.status.in_((inline("queued"), inline("waiting")))
_running = runs.c.status == inline("running")
_failed = runs.c.status == inline("failed")
_free = and_(_queued, not_(runs.c.held))
_held = and_(runs.c.status == inline("queued"), runs.c.held)
Index(
    "ix_runs_due",
    runs.c.lane,
    runs.c.due_at,
    runs.c.id,
    sqlite_where=_free,
    postgresql_where=_free,
)
Index(
    "ix_runs_held",
    runs.c.concurrency_key,
    runs.c.due_at,
    runs.c.id,
    sqlite_where=_held,
    postgresql_where=_held,
)
Index(
    "ix_runs_running",
    runs.c.lane,
    runs.c.lease_until,
    sqlite_where=_running,
    postgresql_where=_running,
)
Index("ix_runs_failed", runs.c.id, sqlite_where=_failed, postgresql_where=_failed)
Index(
    "ix_runs_failed_at",
    runs.c.finished_at,
    runs.c.task,
    sqlite_where=_failed,
    postgresql_where=_failed,
)
Index("ix_runs_event_id", runs.c.event_id)
_has_parent = runs.c.parent.is_not(None)
Index("ix_runs_parent", runs.c.parent, sqlite_where=_has_parent, postgresql_where=_has_parent)
Index("ix_runs_task_id", runs.c.task, runs.c.id)
_keyed = runs.c.idempotency_key.is_not(None)
Index(
    "ix_runs_idempotency_key",
    runs.c.task,
    runs.c.idempotency_key,
    unique=True,
    sqlite_where=_keyed,
    postgresql_where=_keyed,
)

_unique = runs.c.unique_key.is_not(None)
Index(
    "ix_runs_unique_key",
    runs.c.task,
    runs.c.unique_key,
    unique=True,
    sqlite_where=_unique,
    postgresql_where=_unique,
)
_awaits = runs.c.awaits.is_not(None)
Index("ix_runs_awaits", runs.c.id, sqlite_where=_awaits, postgresql_where=_awaits)
Index(
    "ix_runs_key_due",
    runs.c.concurrency_key,
    runs.c.due_at,
    sqlite_where=runs.c.concurrency_key.is_not(None),
    postgresql_where=runs.c.concurrency_key.is_not(None),
)
_alone = and_(_running, runs.c.concurrency_key.is_not(None))
Index(
    "ix_runs_concurrency_key",
    runs.c.concurrency_key,
    unique=True,
    sqlite_where=_alone,
    postgresql_where=_alone,
)

schedules = Table(
    "schedules",  # when each fires next
    metadata,
    Column("name", Text, nullable=False),  # of its task, in full
    Column("spec", Text, nullable=False),  # cron line and zone that next_at was reckoned by
    Column("next_at", BigInteger, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("armed_at", BigInteger, nullable=False),
    Column("fired_at", BigInteger),  # the last time that it was due and fired
    Column("last_run", Text),
    Column("fires", BigInteger, nullable=False),
    Column("skipped", BigInteger, nullable=False),
    PrimaryKeyConstraint("name"),
)

resumes = Table(
    "resumes",  # what came to the URL of a run, until its step takes it
    metadata,
    Column("id", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("id"),
    Index(None, "run_id"),
)

lanes = Table(
    "lanes",  # a row to lock while runs of a lane are claimed
    metadata,
    Column("name", Text, nullable=False),
    PrimaryKeyConstraint("name"),
)

journal = Table(
    "journal",  # one row a segment: what its steps did, committed with what they did
    metadata,
    Column("run_id", Text, nullable=False),
    Column("n", Integer, nullable=False),
    Column("entries", LargeBinary, nullable=False),
    Column("committed_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("run_id", "n"),
)

tables = Table(
    "tables",
    metadata,
    Column("name", Text, nullable=False),
    Column("next_id", BigInteger, nullable=False),
    Column("spec", Text),  # what is declared of it
    Column("managed_by", Text),  # who declared it: api, or stack:NAME
    PrimaryKeyConstraint("name"),
)

records = Table(
    "records",
    metadata,
    Column("table_name", Text, nullable=False),
    Column("id", BigInteger, nullable=False),
    Column("doc", JsonText, nullable=False),
    Column("rev", Integer, nullable=False),  # grows with every change
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("table_name", "id"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Text, nullable=False),
    Column("destination", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("due_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),  # those made
    Column("spent", Integer, nullable=False),  # those that count against the schedule
    Column("pressed_since", BigInteger),  # when back-pressure began
    Column("event_id", Text),
    Column("run_id", Text),
    Column("idempotency_key", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("worker", Text),
    Column("fence", BigInteger, nullable=False),
    Column("lease_until", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Column("url", Text),  # where it goes if no destination says so
    Column("ordering_key", Text),  # of those with the same one the first goes first
    Column("held", Boolean, nullable=False, server_default=false()),  # one before it has its key
    Column("replayed", Boolean, nullable=False, server_default=false()),  # live ones go first
    PrimaryKeyConstraint("id"),
)
_waits = deliveries.c.status.in_((inline("pending"), inline("retrying")))
_due = and_(_waits, not_(deliveries.c.held))
_behind = and_(_waits, deliveries.c.held)
_first = and_(
    deliveries.c.status.in_((inline("pending"), inline("retrying"), inline("delivering"))),
    not_(deliveries.c.held),
    deliveries.c.ordering_key.is_not(None),
)
_delivering = deliveries.c.status == inline("delivering")
_dead = deliveries.c.status == inline("dead")
Index(
    "ix_deliveries_due",
    deliveries.c.destination,
    deliveries.c.replayed,
    deliveries.c.due_at,
    deliveries.c.id,
    sqlite_where=_due,
    postgresql_where=_due,
)
Index(
    "ix_deliveries_held",
    deliveries.c.ordering_key,
    deliveries.c.id,
    sqlite_where=_behind,
    postgresql_where=_behind,
)
Index(
    "ix_deliveries_first",
    deliveries.c.ordering_key,
    sqlite_where=_first,
    postgresql_where=_first,
)
_alone = and_(_delivering, deliveries.c.ordering_key.is_not(None))
Index(
    "ix_deliveries_ordering_key",
    deliveries.c.ordering_key,
    unique=True,
    sqlite_where=_alone,
    postgresql_where=_alone,
)
Index(
    "ix_deliveries_lease",
    deliveries.c.destination,
    deliveries.c.lease_until,
    sqlite_where=_delivering,
    postgresql_where=_delivering,
)
Index("ix_deliveries_dead", deliveries.c.id, sqlite_where=_dead, postgresql_where=_dead)
Index(
    "ix_deliveries_dead_at",
    deliveries.c.finished_at,
    deliveries.c.destination,
    sqlite_where=_dead,
    postgresql_where=_dead,
)
Index("ix_deliveries_destination_id", deliveries.c.destination, deliveries.c.id)
Index("ix_deliveries_event_id", deliveries.c.event_id)
Index("ix_deliveries_run_id", deliveries.c.run_id)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Text, nullable=False),
    Column("delivery_id", Text, nullable=False),
    Column("n", Integer, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Column("status_code", Integer),
    Column("outcome", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("response_body", Text),
    PrimaryKeyConstraint("delivery_id", "n"),
)

cache = Table(
    "cache",  # values that stacks keep for a while
    metadata,
    Column("key", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("key"),
    Index(None, "expires_at"),
)

run_attempts = Table(
    "run_attempts",  # requests that steps of a run have sent
    metadata,
    Column("id", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Column("status_code", Integer),
    Column("outcome", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("response_body", Text),
    PrimaryKeyConstraint("run_id", "id"),
)

outbox = Table(
    "outbox",  # messages that are committed and not yet published
    metadata,
    Column("id", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("id"),
)

purges = Table(
    "purges",  # what was asked to be removed, and how far that has come
    metadata,
    Column("id", Text, nullable=False),
    Column("spec", Text, nullable=False),
    Column("status", Text, nullable=False),  # running | done
    Column("position", Text, nullable=False),  # where it goes on
    Column("counts", Text, nullable=False),  # rows that went, by their tables
    Column("created_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    PrimaryKeyConstraint("id"),
)
_goes_on = purges.c.status == inline("running")
Index("ix_purges_running", purges.c.id, sqlite_where=_goes_on, postgresql_where=_goes_on)
Index("ix_purges_finished_at", purges.c.finished_at)

files = Table(
    "files",  # what is kept; the contents are blobs elsewhere
    metadata,
    Column("id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("blob", Text, nullable=False),  # the name of its content; no two files share one
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("run_id", Text),
    Column("event_id", Text),
    PrimaryKeyConstraint("id"),
    Index(None, "blob", unique=True),
    Index(None, "expires_at"),
    Index(None, "size"),  # all together are summed up from it
)
_of_run = files.c.run_id.is_not(None)
Index("ix_files_run_id", files.c.run_id, sqlite_where=_of_run, postgresql_where=_of_run)
_of_event = files.c.event_id.is_not(None)
Index("ix_files_event_id", files.c.event_id, sqlite_where=_of_event, postgresql_where=_of_event)

alerts = Table(
    "alerts",  # how subjects stand with the rules of what is watched
    metadata,
    Column("rule", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("condition", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("phase", Text, nullable=False),  # pending | firing | resolved
    Column("since", BigInteger, nullable=False),
    Column("value", Double, nullable=False),
    Column("clear_since", BigInteger),
    Column("fired_at", BigInteger),
    Column("is_told", Boolean, nullable=False),
    Column("notified_at", BigInteger),
    Column("told", Text, nullable=False),  # a JSON list of destinations
    Column("flaps", Integer, nullable=False),
    PrimaryKeyConstraint("rule", "subject"),
)

alert_looks = Table(
    "alert_looks",  # one row: which look at the alerts this is, and when the next one is due
    metadata,
    Column("id", Integer, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("next_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("id"),
)

alert_mutes = Table(
    "alert_mutes",  # rules that nothing new is told of for a while
    metadata,
    Column("rule", Text, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("reason", Text),
    PrimaryKeyConstraint("rule"),
)

alert_reports = Table(
    "alert_reports",  # what only a process itself can see, until it is too old
    metadata,
    Column("process", Text, nullable=False),
    Column("condition", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("value", Double, nullable=False),
    Column("reported_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("process", "condition", "subject"),
)
