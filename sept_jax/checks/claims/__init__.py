"""Do claims in words survive being executed, and does a step contradict the path or the problem?"""
