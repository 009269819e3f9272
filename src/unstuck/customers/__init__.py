"""Who customers are and what they thought, told by a CRM or a file, and which tickets that is about."""
