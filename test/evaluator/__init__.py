"""What a policy means, computed from its documentation alone by nested loops over the document as it was drawn. Nothing
here is shared with the gateway: no code, no intermediate form. Used by scenarios and end-to-end tests."""
