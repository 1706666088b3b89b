"""What an open workspace offers, in parts: a file for each step of the sales cycle. `crmkit.app.CRM` is all of them."""
