"""The records of one type as a table, a workbook, JSON lines or cards.

`columns` says what a table of a type has, `companions` what belongs to a record and stands
with it; each other module writes one format, from the rows as they are stored and in
columns, for an object per record costs more than all the rest.
"""
