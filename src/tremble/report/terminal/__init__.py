"""What the terminal shows: tables that are split where they are too wide, progress, notes.

`tables` draws what `report/tables/` laid out, `console` a study's analysis, `progress` what a run
has done.
"""
