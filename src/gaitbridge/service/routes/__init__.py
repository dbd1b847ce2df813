"""Routes, a file a group: every module here with a `router` is part of the service (`app.create_app`)."""
