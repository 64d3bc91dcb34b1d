"""Reports as pages: what is asked, the answer, where each figure leads, pictures."""
