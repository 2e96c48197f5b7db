"""Upgrading: migrations are done by Alembic."""

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from hub.store.revision import FOLDERS


def upgrade(connection: Connection) -> None:
    """Do the migrations that a database does not have yet."""
    config = Config()
    config.set_main_option("script_location", str(FOLDERS[0].parent))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(map(str, FOLDERS)))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
