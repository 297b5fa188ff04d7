"""Can a model replace participants? One question to a file, each with one rule; `table` asks them.

- `ranking`: do predictions rise and fall with what people do;
- `levels`: is the model's mean that of people;
- `effects`: does a treatment do to the model what it does to people;
- `distribution`: are the shares of more than two options those of people;
- `replace`: all of it together.
"""
