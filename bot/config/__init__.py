"""Settings, from the environment and a TOML file. Only the composition root and the command line read them."""

from bot.config.loading import CONFIG, database_of, load, problems_of
from bot.config.projects import Credentials, Project, projects_of
from bot.config.settings import ProjectSettings, RouteSettings, Settings, fields, file_name
from bot.config.values import duration

__all__ = [
    "CONFIG",
    "Credentials",
    "Project",
    "ProjectSettings",
    "RouteSettings",
    "Settings",
    "database_of",
    "duration",
    "fields",
    "file_name",
    "load",
    "problems_of",
    "projects_of",
]
