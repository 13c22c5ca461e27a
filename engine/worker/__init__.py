"""One warm child process for short work that needs a tokenizer or a model.

    page, command line ── client.Worker ── JSON lines ── python -m engine.worker ── jobs

The parent side (`client`) imports no torch. `__main__` and `jobs` belong to the child.
"""
