"""Work beside the routes: every module here with `run(state, stop)` is a thread of the service, until `stop` is set (`workers_beside`)."""
