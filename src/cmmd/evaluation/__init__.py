"""Evaluating a system: clips paired and measured, a record, its report; `cmmd score` and `cmmd evaluate`."""
