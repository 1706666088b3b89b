"""From drafts to parts that can be planned: what a process does that helps an import, and nothing more.

`survey` looks at the first rows, `parts` cuts batches into parts, `normalise` turns drafts into
typed columns, `prepared` is what comes out; `worker` does it all in a process of its own.
"""
