"""Journals that were written once and must be repeated by every later engine, and by today's examples.

journals    `<module>/<class>/<name>.jsonl`, as `leveret history --export` writes them; the folders name the code
shelf       where they lie, and what is taken out of them first
record      writes what is missing: `python -m tests.golden.record`
again       repeats all of them, under any Python: `python -m tests.golden.again`

A journal here is never rewritten because the engine changed: that is what it is kept for. When a workflow itself was
changed on purpose, a test's own one as well, delete its files and record again.
"""
