"""What a model is: its name, files, revision, adapter, tokenizer, GGUF, device and precision.

`spec` has the name, `open` the way from it to a tokenizer and an identity, `files` and `hub` where
the weights are, `convert_gguf` what is converted. One more source of models is a file and a line.
"""
