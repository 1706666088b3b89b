"""The inside of deals: `opening` and `moving` plan, `refusing` says no, `history` keeps each step."""
