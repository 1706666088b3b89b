"""The inside of an undo: `touched` finds what an operation did, and what stands in the way of taking it back."""
