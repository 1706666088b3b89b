"""Formats that come from strangers, read in a child process: from bytes to rows, records or files.

Bottom-up: `limits` (how much a source may cost), the readers `spreadsheet`, `markup`,
`vcard`, `mail`, `json_rows` and `archive` (bytes to frames, nothing but the standard
library and calamine), `child` (runs one of them under limits), `apart` (starts the child
and takes its frames), `formats` (which reader a source needs).

Whatever a file does to its reader, the parent only ever sees JSON, or a child that died.
Nothing is imported here, so that the child loads no more than it runs.
"""
