"""The tests, in the folders of what they test."""

import os

# As every command does: tests share few cores, and threads that wait busily took half their time.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
