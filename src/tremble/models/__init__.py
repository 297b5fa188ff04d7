"""What a model is: its name, files, revision, adapter, tokenizer, GGUF, device and precision.

`spec` has the name, `open` the way from it to a source, a tokenizer and an identity. A source is a
module: `mock`, `embedded`, `gguf`, `folder`, `hub`; `from_files` is what those with files share,
`files` checks weights, `convert_gguf` converts. One more source is a file and a line in `open`.
"""
