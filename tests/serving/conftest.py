"""The C client is a program, not a module with examples."""

collect_ignore = ["c_api_client.py"]
