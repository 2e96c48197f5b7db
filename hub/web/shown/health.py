"""How the hub is, as it is read."""

from typing import Literal, TypeAlias

from pydantic import Field

from hub.web.shown.base import Shown

GradeName: TypeAlias = Literal["ok", "warning", "problem"]


class FindingShown(Shown):
    """One thing that was looked at."""

    status: GradeName
    check: str
    code: str = Field(description="The trouble, as docs/doctor.md names it; else the check.")
    what: str
    do: str | None = Field(description="What to do; null where nothing is to be done.")


class VersionsShown(Shown):
    """What it runs on."""

    hub: str
    python: str
    system: str


class ProcessShown(Shown):
    """The process that has answered."""

    name: str = Field(description="What its leases are held by.")
    embedded: bool = Field(description="Whether it is `hub up`: server and worker in one.")
    troubles: dict[str, str] = Field(description="What of it is not well, as `/readyz` says it.")


class SettingShown(Shown):
    """A setting, by the variable that gives it."""

    name: str
    value: str | None = Field(description="Masked where it is a secret; null without one.")
    given: bool = Field(description="Whether somebody has set it.")
    about: str


class HealthShown(Shown):
    """How the hub is."""

    status: GradeName = Field(description="The worst that was found.")
    problems: int
    warnings: int
    findings: list[FindingShown] = Field(description="Of everything that was looked at.")
    versions: VersionsShown
    process: ProcessShown
    settings: list[SettingShown]
