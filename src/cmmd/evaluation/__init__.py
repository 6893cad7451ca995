"""Evaluation of a system: pairs and measures clips, writes a record and a report; `cmmd evaluate`."""
