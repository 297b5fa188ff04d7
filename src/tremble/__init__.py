"""tremble measures how well language models predict what people actually do."""

__version__ = "0.2.0"
