"""Tables as people have them, to decisions: a map (`map_file`) says what columns mean, wide tables
are taken apart, templates print what people read. `files/` reads the formats, each as a `Table`
of texts."""
