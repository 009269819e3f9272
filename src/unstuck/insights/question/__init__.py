"""From a manager's words to a plan, a question back, or a refusal."""
