"""What the API shows: the shapes of its answers, one module for each group of nouns.

They describe. What is answered is made by the operations; a test holds the two together.
"""
