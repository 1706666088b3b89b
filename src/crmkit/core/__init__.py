"""The records and the pure decisions of crmkit: nothing here reads a file, a clock or a database."""
