"""
What the operators are told while the server runs.

- `ftpx.ops.transfers`: the transfers of files that are under way.
- `ftpx.ops.meter`: how fast one is.
- `ftpx.ops.reasons`: why one failed, in a few fixed words.
- `ftpx.ops.events`: events on their way to everybody who wants them.
- `ftpx.ops.event_log`: events in the log.
- `ftpx.ops.event_file`: events in a file.
- `ftpx.ops.event_lines`: events as lines of JSON.
- `ftpx.ops.event_sinks`: sinks that plugins bring.
- `ftpx.ops.line_file`: a file that lines are appended to, whatever becomes of it.
"""
