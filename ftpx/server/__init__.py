"""The control connection: what a session may do, what each verb does, and who gets in."""

__all__: list[str] = []
