"""The inside of a conversion: `decide` settles who and what, `records` plans the records, `children` the links."""
