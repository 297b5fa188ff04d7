"""Option labels as tokens: paths, beginning-of-sequence, what ends a label, surface forms.

`options` finds where the answer starts and which tokens each option has, `surface_forms` other ways
to write a label, `surface_form_paths` their disjoint paths.
"""
