"""Do rewritings hold, and do equations follow from those before them?"""
