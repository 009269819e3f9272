"""Managers' questions: metrics, words to plan, plan to SQL, result to sentence and chart."""
