"""Does a path take its numbers from the problem, use them, and keep to what it says of them?"""
