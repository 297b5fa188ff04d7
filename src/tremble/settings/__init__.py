"""Files in which users say what they want, as TOML: read by a schema that lists every key once."""
