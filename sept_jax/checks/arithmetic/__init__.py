"""Is each closed equation of a step true, in signs or in words?"""
