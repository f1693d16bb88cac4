"""Text to tokens, exact values, trees with names, equations and statements, within bounds."""
