"""Studies of plug-ins: each module holds `STUDY`, a `training.study.Study`. What is built in is in `training.studies`."""
