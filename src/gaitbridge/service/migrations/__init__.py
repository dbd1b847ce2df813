"""Steps of the database's tables: a file `NNNN_name.sql` each, applied once, in order of their numbers (`database.Database`)."""
