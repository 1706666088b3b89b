"""The steps of a merge, for `crmkit.services.merge`."""
