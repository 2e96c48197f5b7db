"""A PostgreSQL that is awaited: why it takes no connections yet."""

from sqlalchemy import exc
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from hub.store.tls import UNTRUSTED, way_to

_STARTING = ("57P03", "57P01")
"""It starts up, or goes down."""
_LONGEST_S = 5


async def why_away(database_url: str) -> str | None:
    """Why it takes no connections yet; None where it does, or where waiting does not mend it.

    A password that is wrong, a database that is not there and a certificate that does not fit are
    told to whoever opens it.

    Raises:
        SettingsError: as :func:`hub.store.tls.way_to`.
    """
    place, tls = way_to(database_url)
    engine = create_async_engine(
        place, poolclass=NullPool, connect_args={**tls, "timeout": _LONGEST_S}
    )
    try:
        async with engine.connect():
            return None
    except UNTRUSTED:
        return None
    except OSError as error:
        return str(error) or type(error).__name__
    except exc.DBAPIError as error:
        return str(error.orig) if getattr(error.orig, "sqlstate", None) in _STARTING else None
    finally:
        await engine.dispose()
