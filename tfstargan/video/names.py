"""Which files are clips, by their names; and what they can be written as."""

EXTENSIONS = (
    ".mp4",
    ".m4v",
    ".mov",
    ".mkv",
    ".webm",
    ".avi",
    ".mpg",
    ".mpeg",
    ".ts",
    ".mts",
    ".m2ts",
    ".3gp",
    ".wmv",
    ".flv",
    ".ogv",
)


def is_clip(name: str) -> bool:
    """Whether a file's name says that it is a clip."""
    return name.lower().endswith(EXTENSIONS)
