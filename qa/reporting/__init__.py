"""Figures of quality: reckoned by the database from the scores that count, within what a person may read.

`asked` reads what is wanted, `figures` are of scores, `criteria` of answers, `people` of those who judge, `listed`
leads to the evaluations behind a figure, and `tables` are all of it in rows, for files.
"""
