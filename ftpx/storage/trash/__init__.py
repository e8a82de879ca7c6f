"""
A storage in which what is deleted or replaced is kept for some time, in a folder of its root: the trash.

What was at ``docs/report.pdf`` is kept as ``.trash/docs/report.pdf~20261015-143005-8c1f03ab22d4``: under the path that
it had, with the time when it went (UTC) and digits that no other version has. So users find what they have lost where
they lost it, no name is needed twice, and nothing has to be remembered but the names.

There is one trash in a storage. A directory that is made a storage of its own (a user's home) shows the part of it that
came out of there, as its own.
"""
