"""What providers tell by webhook: checked, read through django-anymail's views, and applied as returned mail is.

`receiving` is the story. Pure: `paths` (into an event), `reading` (theirs → `Event`), `meaning` (`Event` →
`Understood`, by `words.tsv`). `sns` knows Amazon's signatures.
"""
