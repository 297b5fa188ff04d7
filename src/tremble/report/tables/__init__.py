"""Tables laid out once, for the terminal and for pages: columns, captions, how numbers are written.

`table` has the form and the first tables, the other modules one kind of table each. One more is a
function that returns a `Table`.
"""
